#!/bin/bash
# The table of docs/CUDA.md: what a training step of samples asks of a device, by `nnc report`, beside the least that it
# could be. docs/CUDA.md says how the least was found; the numbers of the table below are worked out there.
set -eu
cd "$(dirname "$0")/../samples"
#      sample   launches bytes      FLOPs
least='digits   7        459880     1294336
       lenet    14       21739968   843648000
       vae      13       30869088   419840000
       resnet20 109      1142229824 31231279104'
row='%-9s %5s  %8s %5s %6s  %13s %13s %5s  %14s %14s %5s\n'
printf "$row" model batch launches least copies bytes least ratio FLOPs least ratio
while read -r sample launches bytes flops; do
    nnc report --backend=cuda --function=fit_step $sample/$sample.nn | awk -v row="$row" -v model=$sample -v l=$launches -v b=$bytes -v f=$flops '
        $1 == "fit_step" { # batch = 32, parameters, launches, copies, MACs, FLOPs, bytes
            gsub(",", "")
            printf row, model, $4, $6, l, $7, $10, b, sprintf("%.2f", $10 / b), $9, f, sprintf("%.2f", $9 / f)
            exit
        }'
done <<<"$least"
