#!/bin/bash
# What the documents show beside a command is what the command prints.
cd "$PROJECT_DIR" && exec docs/refresh.sh --check
