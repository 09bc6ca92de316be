import type { BuiltInTask } from '../unit.ts';

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Snake</title>
<style>
  body { margin: 0; min-height: 100vh; display: grid; place-content: center; justify-items: center; gap: 12px;
         background: #14211a; color: #e8f3ea; font: 16px system-ui, sans-serif; }
  canvas { width: min(88vw, 70vh); image-rendering: pixelated; background: #1d2f25; border-radius: 8px; touch-action: none; }
  p { margin: 0; }
</style>
<h1>Snake</h1>
<p id="score" role="status">Points: 0</p>
<canvas id="field" width="20" height="20" aria-label="The field"></canvas>
<p>Steer with the arrow keys or by swiping. Press Space to restart.</p>
<script>
  const size = 20;
  const field = document.getElementById('field');
  const paint = field.getContext('2d');
  const turns = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  let snake, way, next, apple, over, waits = true;
  function begin() {
    snake = [[10, 10], [9, 10], [8, 10]];
    way = next = [1, 0];
    over = false;
    place();
  }
  function place() {
    do apple = [Math.floor(Math.random() * size), Math.floor(Math.random() * size)];
    while (on(apple));
  }
  const on = ([x, y]) => snake.some(([a, b]) => a === x && b === y);
  function steer(turn) {
    waits = false;
    if (turn[0] !== -way[0] || turn[1] !== -way[1]) next = turn;
  }
  function move() {
    if (over || waits) return;
    way = next;
    const head = [snake[0][0] + way[0], snake[0][1] + way[1]];
    over = head.some((n) => n < 0 || n >= size) || on(head);
    if (!over) {
      snake.unshift(head);
      if (head[0] === apple[0] && head[1] === apple[1]) place();
      else snake.pop();
    }
    draw();
  }
  function draw() {
    paint.clearRect(0, 0, size, size);
    paint.fillStyle = '#e4572e';
    paint.fillRect(apple[0], apple[1], 1, 1);
    snake.forEach(([x, y], at) => {
      paint.fillStyle = at === 0 ? '#b6f09c' : '#6cc24a';
      paint.fillRect(x, y, 1, 1);
    });
    const points = snake.length - 3;
    const text = waits ? 'Press an arrow key or swipe to begin' : 'Points: ' + points;
    document.getElementById('score').textContent = over ? 'Over with ' + points + ' points' : text;
  }
  addEventListener('keydown', (event) => {
    if (turns[event.key]) steer(turns[event.key]);
    else if (event.key === ' ') { waits = false; begin(); }
    else return;
    event.preventDefault();
  });
  let from;
  field.addEventListener('pointerdown', (event) => { from = [event.clientX, event.clientY]; if (over) begin(); });
  field.addEventListener('pointerup', (event) => {
    if (!from) return;
    const [x, y] = [event.clientX - from[0], event.clientY - from[1]];
    if (Math.max(Math.abs(x), Math.abs(y)) < 12) return;
    steer(Math.abs(x) > Math.abs(y) ? [Math.sign(x), 0] : [0, Math.sign(y)]);
  });
  begin();
  draw();
  setInterval(move, 140);
</script>
</html>`;

// Any free port: without isolation, the port belongs to the host.
const serve = `if command -v python3 >/dev/null; then
  python3 -u -m http.server 0 --bind 127.0.0.1 >server.log 2>&1 &
  for try in 1 2 3 4 5 6 7 8 9 10; do grep -q port server.log && break; sleep 0.3; done
  sed -n '1s/.* port \\([0-9]*\\).*/The game is served on port \\1./p' server.log
else echo 'No web server is installed here: open snake.html itself.'; fi`;

export const gameTask: BuiltInTask = {
  asks: [
    'Build a small Snake game as a single web page, snake.html, that works with arrow keys and on a phone.',
    'Baue ein kleines Snake-Spiel als einzelne Webseite, snake.html, das mit Pfeiltasten und auf dem Handy funktioniert.',
  ],
  units: [
    { kind: 'file', path: 'snake.html', content: page },
    {
      kind: 'sh',
      command:
        "grep -c '<script>' snake.html >/dev/null && echo \"snake.html: $(wc -c <snake.html | tr -d ' ') bytes, self-contained\"",
    },
    { kind: 'sh', command: serve },
  ],
  ends: 'The game is in `snake.html`. Press an arrow key to start.',
};
