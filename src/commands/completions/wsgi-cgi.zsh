#compdef wsgi-cgi
# Completions of wsgi-cgi for zsh: the program itself says what can come next.
_wsgi-cgi() {
    local -a answer offered
    local line word description
    answer=("${(@f)$("${words[1]/#\~/$HOME}" completions zsh -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    if [[ $PREFIX == --*=* ]]; then
        compset -P '*='
    fi
    case $answer[1] in
        files)
            compset -P 'config:'
            _files
            ;;
        folders) _files -/ ;;
        words)
            for line in "${(@)answer[2,-1]}"; do
                word=${line%%$'\t'*} description=${line#*$'\t'}
                [[ -z $IPREFIX ]] || word=${word#*=}
                offered+=("${word//:/\\:}:$description")
            done
            _describe -t words wsgi-cgi offered
            ;;
    esac
}
if [[ $funcstack[1] == _wsgi-cgi ]]; then
    _wsgi-cgi "$@"
else
    compdef _wsgi-cgi wsgi-cgi
fi
