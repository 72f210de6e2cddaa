import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { ISOLATION, POLICY } from '../runtimes/hosts/site.ts';
import { ROOT } from './blocks.ts';

const DEADLINE = 60_000;

/** The headers under which the packed package is tested. */
const TESTED = new Headers({ 'content-security-policy': POLICY, ...ISOLATION });

/** The lines of an `http` block that neither the tests' pages nor the demo page come with. */
export async function unsent(code: string): Promise<string[]> {
  if (without(code, TESTED).length === 0) return [];
  return without(code, await demoHeaders());
}

/** What the server of the demo page sends with it. */
async function demoHeaders(): Promise<Headers> {
  const server = execFile(process.execPath, [`${ROOT}examples/browser/serve.js`]);
  const signal = AbortSignal.timeout(DEADLINE);
  try {
    const [address] = (await once(server.stdout!, 'data', { signal })) as [string];
    const response = await fetch(address.trim(), { signal });
    await response.body?.cancel();
    return response.headers;
  } finally {
    server.kill();
  }
}

/** The lines that are not among the headers; a policy may be stricter than what is shown. */
function without(code: string, sent: Headers): string[] {
  const lines = code.trim().split('\n');
  return lines.filter((line) => {
    const [, name = '', value = ''] = /^([\w-]+): (.+)$/.exec(line) ?? [];
    const parts = name === '' ? [] : directives(sent.get(name) ?? '');
    return !directives(value).every((part) => parts.includes(part));
  });
}

function directives(policy: string): string[] {
  return policy.split(/;\s*/);
}
