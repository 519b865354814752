"""The page at `/dashboard`: what it is told (`board`, `rows`), and its files (`files`, `static/`).

`static/app.js` joins the page's modules; each shows one thing.
"""
