import { openHub } from '../../../src/download/hub/open-hub.ts';
import { mutated } from '../mutate.ts';
import { holds, target } from '../target.ts';

const ENDPOINT = 'https://hub.test/mirror';
const SOURCES = [
  'hf:org/name',
  'hf:org/name@v1',
  'hf:org/name/a.gguf',
  'hf:org/na.me@v1/sub/a.gguf',
];
const PATHS = ['a.gguf', 'sub/b-00001-of-00002.gguf', 'sub/b-00002-of-00002.gguf', 'README.md'];
const LIST = { id: 'org/name', siblings: PATHS.map((rfilename) => ({ rfilename })) };
const WORDS = ['hf:', '@', '/', '..', '%2e', '?', '#', '\\', '.gguf', '-00001-of-00002.gguf'];

/** An address, and what a hub says that there is. */
interface Input {
  readonly source: string;
  readonly list: unknown;
}

/** Addresses of a hub: whatever they are and it says, nothing outside the model is asked for. */
export const HUB = target<Input>({
  name: 'hub',
  make: (draw) => ({
    source: draw.chance(0.3)
      ? draw.pick(SOURCES)
      : (mutated(draw.pick(SOURCES), draw) as string) + draw.text(8, WORDS),
    list: draw.chance(0.2) ? LIST : mutated(LIST, draw, ['siblings', 'rfilename']),
  }),
  async run({ source, list }) {
    const asked: string[] = [];
    const fetch = async ({ url }: Request): Promise<Response> => {
      asked.push(url);
      const isList = url.includes('/api/');
      return new Response(isList ? JSON.stringify(list) : null, { status: isList ? 200 : 404 });
    };
    try {
      const { files } = await openHub(source, {
        endpoint: ENDPOINT,
        fetch,
        cache: 'none',
        isReload: false,
        checks: undefined,
        maxWeightBytes: 2 ** 20,
        signal: undefined,
      });
      for (const file of files.gguf ?? []) await files.open(file);
      await files.close();
    } finally {
      const [, repo = '', revision = 'main'] =
        /^hf:([^/]+\/[^/@]+)(?:@([^/]+))?/i.exec(source) ?? [];
      const below = `${ENDPOINT}/${repo}/resolve/${revision}/`;
      const listed = `${ENDPOINT}/api/models/${repo}/revision/${revision}`;
      for (const url of asked) holds(url.startsWith(below) || url === listed, `asked for ${url}`);
    }
  },
});
