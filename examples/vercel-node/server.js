// What Vercel does with the function, on this machine.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GET, POST } from './api/generate.js';

const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch(() => outgoing.writeHead(400).end()); // it is no request
});
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/api/generate`);
});

async function answer(incoming, outgoing) {
  const { method, headers, url } = incoming;
  const handle = { GET, POST }[method];
  if (handle === undefined) return outgoing.writeHead(405).end();
  const left = new AbortController();
  outgoing.once('close', () => left.abort());
  const body = method === 'POST' ? { body: Readable.toWeb(incoming), duplex: 'half' } : {};
  const address = new URL(url, 'http://localhost');
  const request = new Request(address, { method, headers, signal: left.signal, ...body });
  const response = await handle(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  await pipeline(Readable.fromWeb(response.body), outgoing).catch(() => {}); // the reader has left
}
