# Packages of another Debian release, for the scripts that source this file.
#
#     fetch_packages SUITE DIR PACKAGE...
#
# Unpacks packages of the release into DIR, with the dependencies that this system does not have. Installs
# nothing and does not need root. On failure, prints the reason on stderr and returns 1.

# Runs apt-get with the system's settings (a proxy, for instance), sources, keys and installed packages. Lists
# and cache are in a folder of our own. The system's hooks are left out, as they serve its own lists.
own_apt() {
    LC_ALL=C apt-get --config-file "$1/conf" "${@:2}" 2>>"$1/errors" </dev/null
}

# Makes that folder. apt then takes the named packages from the suite, and others from the system's own release
# if it has them.
make_own_apt() {
    local folder=$1 suite=$2 file
    rm -rf "$folder"
    mkdir -p "$folder/sources" "$folder/lists" "$folder/archives"
    for file in /etc/apt/sources.list.d/*; do
        [ ! -f "$file" ] || ln -s "$file" "$folder/sources"
    done
    cat >"$folder/preferences" <<END_OF_PREFERENCES
Package: *
Pin: release n=$suite
Pin-Priority: 1

Package: ${*:3}
Pin: release n=$suite
Pin-Priority: 1001
END_OF_PREFERENCES
    # The user _apt, as whom apt fetches for root, may not be allowed into this folder.
    cat >"$folder/conf" <<END_OF_CONF
Dir::Etc::SourceParts "$folder/sources";
Dir::Etc::Preferences "$folder/preferences";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "$folder/lists";
Dir::Cache "$folder";
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "false";
APT::Get::AllowUnauthenticated "false";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END_OF_CONF
}

# Repeats the system's source of Debian for the suite, with the same mirror and keys. A failed update is no
# error here: the source that failed may be another one.
add_suite() {
    local folder=$1 suite=$2 entry file number
    own_apt "$folder" update >/dev/null || true
    entry=$(own_apt "$folder" indextargets --format '$(CODENAME) $(SOURCESENTRY)' \
        'Created-By: Packages' 'Origin: Debian' 'Component: main' |
        awk '$1 !~ /-/ && !n++ { sub(/^[^ ]* /, ""); print }')
    [ -n "$entry" ] || return 1
    file=${entry%:*} number=${entry##*:}
    case $file in
    *.sources) # the stanza of that number
        awk -v number="$number" -v suite="$suite" '
            BEGIN { print "Types: deb\nSuites: " suite "\nComponents: main" }
            /^#/ { next }
            /^[ \t]*$/ { inside = 0; next }
            !inside { inside = 1; ++stanza }
            /^[^ \t]/ { dropped = tolower($1) ~ /^(types|suites|components):/ }
            stanza == number && !dropped
        ' "$file" >"$folder/sources/$suite.sources"
        ;;
    *) # the line of that number: deb [OPTIONS] ADDRESS SUITE COMPONENT...
        sed -nE "${number}s/^deb[ \t]+(\[[^]]*\][ \t]*)?([^ \t]+).*/deb \1\2 $suite main/p" "$file" \
            >"$folder/sources/$suite.list"
        ;;
    esac
    own_apt "$folder" update >/dev/null || true
}

# Prints the first message of apt about the suite, or else the first of all.
complaint() {
    grep -m 1 "^[EW]:.*$2" "$1/errors" || grep -m 1 '^[EW]:' "$1/errors" || true
}

fetch_packages() {
    local suite=$1 unpacked folder package packages
    mkdir -p "$2"
    unpacked=$(cd "$2" && pwd -P)
    folder=$unpacked.apt
    make_own_apt "$folder" "$suite" "${@:3}"
    if ! add_suite "$folder" "$suite"; then
        echo "apt knows no mirror of Debian. $(complaint "$folder" "$suite")" >&2
        return 1
    fi
    if ! own_apt "$folder" install --simulate --no-install-recommends "${@:3}" >"$folder/plan"; then
        echo "apt does not find them in $suite. $(complaint "$folder" "$suite")" >&2
        return 1
    fi
    sed -nE 's/^Inst ([^ ]+) (\[[^]]*\] )?\(([^ ]+) .*/\1=\3/p' "$folder/plan" >"$folder/packages"
    mapfile -t packages <"$folder/packages"
    if ! (cd "$folder/archives" && own_apt "$folder" download "${packages[@]}" >/dev/null); then
        echo "apt cannot fetch them from $suite. $(complaint "$folder" "$suite")" >&2
        return 1
    fi
    for package in "$folder"/archives/*.deb; do
        dpkg -x "$package" "$unpacked" || return 1
    done
    rm -r "$folder"
}
