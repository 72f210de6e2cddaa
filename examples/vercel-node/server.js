// What Vercel does with the function, on this machine.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GET, POST } from './api/generate.js';

const server = createServer(async (incoming, outgoing) => {
  const left = new AbortController();
  outgoing.once('close', () => left.abort());
  const { method, headers, url } = incoming;
  const body = method === 'POST' ? { body: Readable.toWeb(incoming), duplex: 'half' } : {};
  const address = new URL(url, 'http://localhost');
  const request = new Request(address, { method, headers, signal: left.signal, ...body });
  const answer = { GET, POST }[method] ?? (() => new Response('', { status: 405 }));
  const response = await answer(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  await pipeline(Readable.fromWeb(response.body), outgoing).catch(() => {}); // the reader has left
});
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/api/generate`);
});
