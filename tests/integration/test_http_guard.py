"""The RESP port does not listen to web browsers: a page must not be able to send commands through them."""

import pytest

REQUESTS = {
    "post": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20\r\n\r\nSET attacked yes\r\n",
    "get": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET attacked yes\r\n",
    "put": b"PUT /x HTTP/1.1\r\nUser-Agent: x\r\nHost: 127.0.0.1\r\n\r\nSET attacked yes\r\n",
    "options": b"OPTIONS * HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nSET attacked yes\r\n",
    "lower case": b"post / HTTP/1.0\r\nSET attacked yes\r\n",
    "commands before": b"PING\r\nPOST / HTTP/1.1\r\nSET attacked yes\r\n",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_web_request_runs_no_command(server, name):
    with server.client() as browser:
        browser.send_raw(REQUESTS[name])
        assert browser.is_closed_by_server()
    assert server.call("EXISTS", "attacked") == 0


def test_post_and_host_are_fine_as_values(client):
    client.ok("SET", "POST", "Host:")
    assert client.call("GET", "POST") == b"Host:"
