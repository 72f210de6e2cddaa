import { quoted } from '../../base/arguments.ts';

/** What of a hub an `hf:` address names. */
export interface HubAddress {
  /** Owner and name: `org/name`. */
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Path of a file or folder in the repository; '' for its root. */
  readonly path: string;
}

/** What a branch is called unless somebody has renamed it. */
const DEFAULT_REVISION = 'main';
const FORM = 'hf:ORG/NAME, hf:ORG/NAME@REVISION or either with /FILE, none of it escaped';

/** A name of a hub: no separator, escape or query, and neither `.` nor `..`, which lead elsewhere. */
const PART = String.raw`[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}`;
/** Files are named as anybody likes, but not so that a path or an address would mean another. */
const FILE = String.raw`[^./\\%?#\p{C}][^/\\%?#\p{C}]{0,254}`;
const ADDRESS = new RegExp(`^hf:(${PART}/${PART})(?:@(${PART}))?((?:/${FILE})*)$`, 'iu');

/**
 * Reads `hf:org/name`, `hf:org/name@revision`, or either followed by the path of a file.
 *
 * @throws TypeError for anything else
 */
export function parseHubAddress(source: string): HubAddress {
  const [, repo, revision = DEFAULT_REVISION, path = ''] = ADDRESS.exec(source) ?? [];
  if (repo === undefined) {
    throw new TypeError(`"source" expected ${FORM}, got ${quoted(source)}`);
  }
  return { repo, revision, path: path.slice(1) };
}

/** What to pass for a file of a repository. */
export function formatHubAddress({ repo, revision, path }: HubAddress): string {
  const at = revision === DEFAULT_REVISION ? '' : `@${revision}`;
  return `hf:${repo}${at}${path === '' ? '' : `/${path}`}`;
}

/** Whether an `hf:` address can name a file at this path. */
export function isHubPath(path: string): boolean {
  return ADDRESS.test(`hf:a/b/${path}`);
}
