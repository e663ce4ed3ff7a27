# Completions of wsgi-cgi for fish: the program itself says what can come next.
function __wsgi_cgi_answer
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    set -e words[1]
    command $program completions fish -- $words "$current" 2>/dev/null
end
function __wsgi_cgi_takes
    test (__wsgi_cgi_answer)[1] = $argv[1]
end
complete -c wsgi-cgi -f -n '__wsgi_cgi_takes words' -a '(__wsgi_cgi_answer)[2..]'
complete -c wsgi-cgi -n '__wsgi_cgi_takes files' -F
complete -c wsgi-cgi -f -n '__wsgi_cgi_takes folders' -a '(__fish_complete_directories (commandline -ct))'
