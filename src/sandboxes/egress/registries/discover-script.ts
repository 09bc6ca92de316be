/**
 * A script for sh in an unused sandbox of the image, with the user and environment of sessions, with or without network. Prints
 * the configured registries of the image's package managers, one `tool<TAB>url` per line, `late<TAB>tool` for a tool that took
 * too long, and then `end`. An unconfigured tool reports its own default, so the script contains no default.
 */
export const registryDiscoveryScript = String.raw`
exec 3>&1 2>/dev/null </dev/null
[ -n "$HOME" ] || HOME=/tmp
[ -n "$CARGO_HOME" ] || CARGO_HOME=$HOME/.cargo
export HOME CARGO_HOME
say() { if [ -n "$2" ]; then printf '%s\t%s\n' "$1" "$2"; fi; }
each() { while read -r url; do say "$1" "$url"; done; }
urls() { sed 's/\\n/ /g' | tr "'\",=\` |[]" '\n\n\n\n\n\n\n\n\n' | grep '^https\{0,1\}://'; }
# The exit code 124 is that of a tool over its time. Pipes around the call hide it, so it is written next to them.
soon() {
  if command -v timeout >/dev/null; then timeout 40 "$@" || { [ $? -ne 124 ] || printf 'late\t%s\n' "$1" >&3; }; else "$@"; fi
}
cd /

if command -v npm >/dev/null; then
  soon npm config get registry | urls | each npm
  for file in "$(soon npm config get userconfig)" "$(soon npm config get globalconfig)"; do
    sed -n 's/^ *@[^:]*:registry *=//p' "$file" | urls | each npm
  done
fi

for python in python3 python; do
  soon "$python" -m pip --version >/dev/null || continue
  config=$(soon "$python" -m pip config list)
  printf '%s\n' "$config" | grep 'index-url=' | urls | each pip
  printf '%s\n' "$config" | grep 'find-links=' | urls | each pip-files
  if ! printf '%s\n' "$config" | grep -q '[.]index-url='; then
    soon "$python" -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)' | each pip
    soon "$python" -c 'from pip._internal.models.index import PyPI; print("https://" + PyPI.file_storage_domain)' |
      each pip-files
  fi
  break
done

if command -v apt-get >/dev/null; then
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources /etc/apt/mirrors/*.list |
    grep -v '^ *#' | urls | sort -u | each apt
fi

if command -v go >/dev/null; then
  soon go env GOPROXY | urls | each go
  # A name with its key after a plus, and possibly the URL to use instead.
  sums=$(soon go env GOSUMDB)
  case $sums in
    '' | off) ;;
    *' '*) printf '%s\n' "$sums" | urls | each go ;;
    *) say go "https://$(printf '%s' "$sums" | sed 's/[+].*//')" ;;
  esac
fi

# Cargo has no command that prints where it goes; failing to go there it says so.
if command -v cargo >/dev/null && folder=$(mktemp -d); then
  cd "$folder" && mkdir src && : > src/lib.rs
  printf '[package]\nname = "x"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\ny = "1"\n' > Cargo.toml
  CARGO_NET_RETRY=0 CARGO_HTTP_PROXY=http://127.0.0.1:9 soon cargo fetch 2>&1 | urls | grep -v '127[.]0[.]0[.]1' | sort -u | each cargo
  cd / && rm -rf "$folder"
fi
echo end
`;
