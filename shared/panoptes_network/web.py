"""What the web services share: the headers that keep a browser strict."""

from flask import Flask, Response


def secure(app: Flask, content_policy: str) -> None:
    """Send the security headers with every answer of `app`, errors included.

    Parameters
    ----------
    content_policy : str
        The Content-Security-Policy: from where a page of this service may load anything.
    """
    headers = {
        "Content-Security-Policy": content_policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.extend(headers)
        return response
