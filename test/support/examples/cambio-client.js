// Create session
const response = await fetch('/sessions', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({})
});
const session = await response.json();

// Connect WebSocket
const ws = new WebSocket(`ws://localhost:8000/ws/${session.id}`);
ws.onmessage = (event) => {
  const data = JSON.parse(event.data);
  console.log('Agent response:', data.content);
};

// Send message
ws.send(JSON.stringify({
  content: "Please open a web browser and navigate to google.com"
}));
