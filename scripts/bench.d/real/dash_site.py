import dash
from dash import html

site = dash.Dash("site")
site.layout = html.Div("hello")
application = site.server
