# What ./quickstart and ./check need of the system, and how to get it. Sourced, not run.
#
# ensure_packages YES WANTED… installs the Debian packages that are missing: as root or through sudo; on a
# terminal it asks first unless YES is 1; where it can't install, it lists them and fails. Of the packages that
# are only wished for ("clang?"), a missing one is never a failure: the tests that need it say SKIP.

# The package is there when this command succeeds.
package_present() {
    case $1 in
    gcc) command -v cc >/dev/null ;;
    libc6-dev) [ -e /usr/include/stdio.h ] || printf '#include <math.h>\n' | cc -E - >/dev/null 2>&1 ;;
    check) pkg-config --exists check 2>/dev/null ;;
    libclang-14-dev) # or any newer one
        compgen -G '/usr/lib/llvm-*/include/clang-c/Index.h' >/dev/null || [ -e /usr/include/clang-c/Index.h ] ;;
    zlib1g-dev) [ -e /usr/include/zlib.h ] || pkg-config --exists zlib 2>/dev/null ;;
    libpng-dev) pkg-config --exists libpng 2>/dev/null ;;
    libjpeg-dev) pkg-config --exists libjpeg 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

can_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null || return 1
    [ -t 0 ] || sudo -n true 2>/dev/null
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
    local log
    log=$(mktemp)
    echo "installing: $*"
    if as_root apt-get update -q >"$log" 2>&1 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >>"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 15 "$log"
    rm -f "$log"
    return 1
}

ensure_packages() {
    local yes=$1 p needed=() wished=()
    shift
    for p in "$@"; do
        if ! package_present "${p%\?}"; then
            case $p in *\?) wished+=("${p%\?}") ;; *) needed+=("$p") ;; esac
        fi
    done
    [ ${#needed[@]} -gt 0 ] || [ ${#wished[@]} -gt 0 ] || return 0

    if ! can_install; then
        [ ${#needed[@]} -gt 0 ] || return 0
        echo "missing packages (Debian's names): ${needed[*]}" >&2
        echo "install them, for example: apt-get install ${needed[*]} ${wished[*]}" >&2
        return 1
    fi
    if [ "$yes" != 1 ] && [ -t 0 ] && [ -t 1 ]; then
        # Someone who has all that is needed is not asked again for what is only wished for.
        [ ${#needed[@]} -gt 0 ] || return 0
        read -r -p "install ${needed[*]} ${wished[*]} with apt? [Y/n] " p
        case $p in [nN]*) echo "nothing installed"; return 1 ;; esac
    elif [ "$yes" != 1 ] && [ "$(id -u)" != 0 ]; then
        [ ${#needed[@]} -gt 0 ] || return 0
        echo "missing packages (Debian's names): ${needed[*]}" >&2
        echo "run again with --yes to install them through sudo apt-get" >&2
        return 1
    fi
    if [ ${#needed[@]} -gt 0 ]; then
        apt_install "${needed[@]}" "${wished[@]}" && return 0
        [ ${#wished[@]} -gt 0 ] && apt_install "${needed[@]}"
    else
        apt_install "${wished[@]}" || true
    fi
}

# Configures (only when there is no build yet) and builds: build_preset PRESET [cmake --build arguments].
build_preset() {
    local preset=$1 log
    shift
    log=$(mktemp)
    if { [ -e "build/$preset/CMakeCache.txt" ] || cmake --preset "$preset" >"$log" 2>&1; } &&
        cmake --build --preset "$preset" --parallel "$(nproc)" "$@" >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 40 "$log" >&2
    rm -f "$log"
    return 1
}
