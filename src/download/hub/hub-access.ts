import { quoted } from '../../base/arguments.ts';
import { readVariable } from '../../base/environment.ts';

const ENDPOINT = 'https://huggingface.co';
/** What a header may hold; a token is asked for no more, and shown in no message. */
const TOKEN = /^[\x21-\x7e]+$/;

/** A hub, and who asks it. */
export interface HubAccess {
  /** Its address, without a slash at the end. */
  readonly endpoint: string;
  /** What {@link endpoint} is sent along with each request. */
  readonly token?: string;
}

/**
 * The hub that is asked: that of an option, else of `HF_ENDPOINT`, else Hugging Face; with the token
 * in `HF_TOKEN`, where the runtime has an environment.
 *
 * @throws TypeError where one of them cannot be used
 */
export async function readHubAccess(option: string | undefined): Promise<HubAccess> {
  const variable = (await readVariable('HF_ENDPOINT')) || ENDPOINT;
  const endpoint =
    option === undefined
      ? checkEndpoint('HF_ENDPOINT', variable)
      : checkEndpoint('endpoint', option);
  const token = (await readVariable('HF_TOKEN'))?.trim();
  if (!token) return { endpoint };
  if (TOKEN.test(token)) return { endpoint, token };
  throw new TypeError('"HF_TOKEN" expected a token of printable ASCII, got other characters');
}

function checkEndpoint(name: string, value: string): string {
  // What else an address may have is no part of a path below it, and may be secret.
  const hasMore = /[@?#]/.test(value);
  const isWeb = !hasMore && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
  if (isWeb) return new URL(value).href.replace(/\/+$/, '');
  const found = hasMore ? 'one with a user, query or fragment' : quoted(value);
  throw new TypeError(`"${name}" expected an http: or https: address, got ${found}`);
}
