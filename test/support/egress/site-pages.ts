import type { Answer } from './site.ts';

const page = (title: string, body: string) => `<!doctype html><title>${title}</title><body>${body}</body>`;

/** A shop of three pages, and pages that are difficult for the browser's driver. */
export const pages: Readonly<Record<string, string | Answer>> = {
  '/': page(
    'Shop',
    `<h1>Welcome</h1><p>We sell <b>lamps</b>.</p><a href="/order">Order a lamp</a>
     <a href="/secret" style="display:none">Hidden</a>
     <div style="margin-top:3000px"><a href="/far">Far below</a></div>`,
  ),
  '/order': page(
    'Order',
    `<form action="/thanks" method="post"><label>Your name <input name="name"></label>
     <label>Colour <select name="colour"><option value="r">Red</option><option value="b">Blue</option></select></label>
     <label>Day <input type="date" name="day"></label>
     <label><input type="checkbox" name="gift"> A gift</label>
     <input type="password" name="pin" value="1234" aria-label="PIN">
     <button>Send</button></form>`,
  ),
  '/thanks': page('Thanks', '<h1>Thank you</h1>'),
  '/grow': page(
    'Grow',
    `<button onclick="const b=document.createElement('button');b.textContent='Second';document.body.append(b)">First</button>`,
  ),
  '/covered': page(
    'Covered',
    `<button id="b">Under</button><div id="over" style="position:fixed;inset:0;background:#fff">Consent first
     <button onclick="over.remove()">Agree</button></div>`,
  ),
  '/dialogs': page('Dialogs', `<button onclick="r.textContent=confirm('Delete all?')">Ask</button><p id="r">?</p>`),
  '/leave': page(
    'Leave',
    `<input><script>addEventListener('beforeunload',e=>{e.preventDefault();e.returnValue='x'})</script>`,
  ),
  '/endless-dialogs': page('Endless', '<script>for(;;)alert("again")</script>'),
  '/hang': page('Hang', '<p>busy</p><script>setTimeout(()=>{for(;;);},30)</script>'),
  '/tabs': page('Tabs', `<a href="/thanks" target="_blank">New tab</a>`),
  '/many-tabs': page('Many', `<script>for(let n=0;n<500;n++)window.open('/thanks?'+n)</script>`),
  '/small': {
    type: 'application/octet-stream',
    headers: { 'content-disposition': 'attachment; filename="small.bin"' },
    body: 'twelve bytes',
  },
  '/endless': {
    type: 'application/octet-stream',
    headers: { 'content-disposition': 'attachment; filename="endless.bin"' },
    endless: true,
  },
  '/announced': {
    type: 'application/octet-stream',
    headers: { 'content-disposition': 'attachment; filename="huge.bin"', 'content-length': String(2 ** 31) },
    endless: true,
  },
  '/pdf': { type: 'application/pdf', body: '%PDF-1.4\n%%EOF\n' },
  '/plain': { type: 'text/plain', body: 'only words' },
  '/nothing': { status: 204 },
  '/console': page('Console', '<script>console.log("from the page");console.error("bad thing")</script>'),
  '/hostile': page(
    'Hostile',
    `<button>Real</button><script>Element.prototype.getBoundingClientRect=()=>{throw 1};JSON.stringify=()=>'x';
     document.querySelectorAll=()=>[];Array.prototype.push=()=>0</script>`,
  ),
};
