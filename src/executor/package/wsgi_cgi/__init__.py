"""The executor of wsgi-cgi, which the program `wsgi-cgi` starts. There is nothing to import here."""
