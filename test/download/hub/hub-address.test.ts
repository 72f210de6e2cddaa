import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readHubAccess } from '../../../src/download/hub/hub-access.ts';
import {
  formatHubAddress,
  isHubPath,
  parseHubAddress,
} from '../../../src/download/hub/hub-address.ts';
import { withGlobals } from '../../helpers/fakes/globals.ts';
import { CANARY, outcomeOf } from '../../helpers/checks/refused.ts';

const test = suite('addresses of a hub, and who asks it');

test('repository, revision and path; what is written of them is read again', () => {
  const addresses: [string, string, string, string][] = [
    ['hf:org/name', 'org/name', 'main', ''],
    ['hf:org/name@v1.0', 'org/name', 'v1.0', ''],
    ['hf:org/name@0a1b2c', 'org/name', '0a1b2c', ''],
    ['hf:org/name/file.gguf', 'org/name', 'main', 'file.gguf'],
    ['hf:org/name@v1/sub/file.gguf', 'org/name', 'v1', 'sub/file.gguf'],
    ['hf:Org-1/Na_me.2', 'Org-1/Na_me.2', 'main', ''],
    ['hf:org/name/a b+(é)@1.gguf', 'org/name', 'main', 'a b+(é)@1.gguf'],
    ['HF:org/name', 'org/name', 'main', ''],
  ];
  for (const [source, repo, revision, path] of addresses) {
    const address = { repo, revision, path };
    assert.equal(parseHubAddress(source), address, source);
    assert.equal(parseHubAddress(formatHubAddress(address)), address, source);
  }
  assert.is(formatHubAddress({ repo: 'a/b', revision: 'main', path: 'c' }), 'hf:a/b/c');
});

test('anything else is a TypeError that shows the form', () => {
  const malformed = [
    'hf:',
    'hf:org',
    'hf:org/',
    'hf:/org/name',
    'hf://org/name',
    'hf:org//name',
    'hf:org/..',
    'hf:../name',
    'hf:org/name/..',
    'hf:org/name/../x.gguf',
    'hf:org/name/./x.gguf',
    'hf:org/name/',
    'hf:org/name@',
    'hf:org/name@/x.gguf',
    'hf:org/name@..',
    'hf:org/name@a@b',
    'hf:org/name/a\u0000b',
    'hf:org/name/.git',
    'hf:org/name/a%20b.gguf',
    'hf:org/na%6de',
    'hf:org/name/%2e%2e/x',
    'hf:org/name?download=true',
    'hf:org/name#part',
    'hf:org/name\\x',
    'hf:org/na me',
    'hf:org/name\n',
    'hf: org/name',
    'hf:örg/name',
    'hf:org/.git',
    `hf:org/${'x'.repeat(256)}`,
  ];
  for (const source of malformed) {
    try {
      parseHubAddress(source);
      assert.unreachable(source);
    } catch (error) {
      assert.instance(error, TypeError, source);
      const { message } = error as TypeError;
      assert.match(message, /^"source" expected hf:ORG\/NAME, .*, got "hf:/i, source);
      assert.not.match(message, /\n/);
    }
  }
  for (const path of ['', '../x', 'a//b', 'a\tb', 'a?b', '/a']) {
    assert.not(isHubPath(path), path);
  }
  assert.ok(isHubPath('a/b-1_2.gguf'));
});

/** The access where the environment has these variables. */
function accessIn(env: Record<string, string>, endpoint?: string) {
  return withGlobals({ process: { env } }, () => outcomeOf(() => readHubAccess(endpoint)));
}

test('the endpoint is the option, else HF_ENDPOINT, else Hugging Face; the token HF_TOKEN', async () => {
  const mirror = 'https://mirror.example/hf';
  assert.equal(await accessIn({}), { endpoint: 'https://huggingface.co' });
  assert.equal(await accessIn({ HF_ENDPOINT: '', HF_TOKEN: '' }), {
    endpoint: 'https://huggingface.co',
  });
  const env = { HF_ENDPOINT: `${mirror}//`, HF_TOKEN: ' hf_x\n' };
  assert.equal(await accessIn(env), { endpoint: mirror, token: 'hf_x' });
  const other = await accessIn(env, 'http://127.0.0.1:80/');
  assert.equal(other, { endpoint: 'http://127.0.0.1', token: 'hf_x' });
  await withGlobals({ process: undefined }, async () => {
    assert.equal(await readHubAccess(undefined), { endpoint: 'https://huggingface.co' });
  });
});

test('an endpoint or token that cannot be used is named, without what may be secret', async () => {
  const odd: [Record<string, string>, string | undefined, RegExp][] = [
    [{}, 'mirror.example', /^"endpoint" expected an http.* address, got "mirror\.example"$/],
    [{}, 'ftp://mirror.example', /^"endpoint" expected/],
    [{}, '', /^"endpoint" expected .*, got ""$/],
    [{}, `https://me:${CANARY}@mirror.example`, /^"endpoint" expected .*, got one with a user/],
    [{}, `https://mirror.example?key=${CANARY}`, /^"endpoint" expected .*, got one with a user/],
    [{ HF_ENDPOINT: 'x' }, undefined, /^"HF_ENDPOINT" expected an http.*, got "x"$/],
    [{ HF_TOKEN: `${CANARY}\nx` }, undefined, /^"HF_TOKEN" expected a token of printable ASCII/],
    [{ HF_TOKEN: `${CANARY}\u00E9` }, undefined, /^"HF_TOKEN" expected/],
  ];
  for (const [env, endpoint, message] of odd) {
    const error = await accessIn(env, endpoint);
    assert.instance(error, TypeError);
    assert.match((error as TypeError).message, message);
    assert.not.ok((error as TypeError).message.includes(CANARY));
  }
});

test.run();
