import base64, hashlib, json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMES = 'Anvil Bellows Chisel Dowel Easel Funnel Gimlet Hammer Icepick'.split()


def product(n):
    seed = hashlib.sha256(f'corral {n}'.encode()).digest()
    return {'id': n, 'name': NAMES[n], 'price': round(3 + seed[0] / 4 + seed[1] / 100, 2), 'stock': seed[2]}


def page(n):
    shown = [{k: v for k, v in product(i).items() if k != 'stock'} for i in range(n * 3, n * 3 + 3)]
    items = ''.join(f'<li><a href="/item/{p["id"]}">{p["name"]}</a> <b>{p["price"]:.2f} EUR</b></li>' for p in shown)
    following = f'<a href="/page/{n + 1}">Next page</a>' if n < 2 else '<i>Last page</i>'
    return f'<h1>Tools, page {n + 1} of 3</h1><ul>{items}</ul><p>{following}</p>'


def item(n):
    p = product(n)
    return f'<h1>{p["name"]}</h1><p>Price: {p["price"]:.2f} EUR</p><p>In stock: {p["stock"]} pieces</p><a href="/page/{n // 3}">Back</a>'


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        kind, _, number = self.path.strip('/').partition('/')
        n = int(number) if number.isdigit() else 0
        if kind in ('', 'page') and n < 3:
            body = page(n)
        elif kind == 'item' and n < 9:
            body = item(n)
        else:
            self.send_error(404)
            return
        # The page itself has only a script, which builds what people see.
        hidden = json.dumps(base64.b64encode(body.encode()[::-1]).decode())
        script = f'document.body.innerHTML = atob({hidden}).split("").reverse().join("")'
        html = f'<!doctype html><title>Tool shop</title><body><script>{script}</script>'.encode()
        self.send_response(200)
        self.send_header('content-type', 'text/html')
        self.send_header('content-length', str(len(html)))
        self.end_headers()
        self.wfile.write(html)

    def log_message(self, *_):
        pass


if __name__ == '__main__':
    server = ThreadingHTTPServer(('127.0.0.1', 8077), Shop)
    print('open on http://127.0.0.1:8077', flush=True)
    server.serve_forever()
