# Completions of wsgi-cgi for bash, from 4.4 on: the program itself says what can come next.
_wsgi_cgi() {
    local line=${COMP_LINE:0:COMP_POINT} words=() word rest answer prefix
    # Rebuild the words as they were typed, up to the cursor: bash also splits them at `=` and `:`.
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        rest=${line#"${line%%[![:space:]]*}"}
        if ((${#words[@]} == 0 || ${#rest} < ${#line})); then
            words+=("")
        fi
        word=${word:0:${#rest}}
        words[-1]+=$word
        line=${rest:${#word}}
    done
    mapfile -t answer < <("${words[0]/#\~/$HOME}" completions bash -- "${words[@]:1}" 2>/dev/null)
    COMPREPLY=()
    case ${answer[0]-} in
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
    esac
    # Bash replaces only the part after the last `=` or `:`.
    prefix=${words[-1]%"${words[-1]##*[=:]}"}
    for word in "${answer[@]:1}"; do
        word=${word%%$'\t'*}
        if [[ $word == "${words[-1]}"* ]]; then
            COMPREPLY+=("${word#"$prefix"}")
        fi
    done
}
complete -F _wsgi_cgi wsgi-cgi
