import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import { until, withExample } from './example.ts';
import { findRuntime } from './find.ts';
import { EXAMPLE_RUNTIMES } from './pins.ts';
import { answers } from './sse-client.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SERVERS = ['bun', 'cloudflare-worker', 'deno-deploy', 'vercel-node'];

const test = suite('examples answer where their README asks them');

for (const name of SERVERS) {
  const runtime = EXAMPLE_RUNTIMES[name];
  const readme = readFileSync(`${ROOT}examples/${name}/README.md`, 'utf8');
  const address = new URL(`http://${/^curl -N (\S+)/m.exec(readme)![1]}`);
  const found = runtime && findRuntime(runtime);
  const missing =
    found && 'missing' in found
      ? found.missing
      : !(await isFree(Number(address.port))) && `port ${address.port} is taken`;
  if (missing) process.stdout.write(`${name}: skipped, ${missing}\n`);
  (missing ? test.skip : test)(`${name}: ${address.host}${address.pathname}`, () =>
    withExample(name, async (example) => {
      const programs = found && 'program' in found ? [found.program] : [];
      const env = { WORKERD_ESBUILD: `${ROOT}node_modules/.bin/esbuild` };
      const running = example.start(programs, [], env);
      await until(() => answers(address), running);
    }),
  );
}

test.run();

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port);
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
