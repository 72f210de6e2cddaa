import { printable, TpaError } from '../../base/errors.ts';
import { readAll } from '../../format/files/byte-source.ts';
import { parseJson } from '../../format/files/json.ts';
import { openRemote, type RemoteOptions } from '../open-remote.ts';
import type { HubAccess } from './hub-access.ts';
import { formatHubAddress, type HubAddress, isHubPath } from './hub-address.ts';

/** Of a repository of a thousand files: 0.2 MB. */
const MAX_LIST_BYTES = 4 * 2 ** 20;
/** More would fill a screen. */
const MAX_SHOWN = 40;
/** Weights beside a model that are none: what sees images, and statistics for quantising. */
const NO_MODEL = /(?:^|\/)(?:mmproj|imatrix)|[.-]imatrix\.gguf$/i;
/** A part of a model in several files, which is opened by its first. */
const LATER_PART = /-(?!00001)\d{5}-of-\d{5}\.gguf$/i;

/**
 * The path of the one model in GGUF that a repository, or a folder of it, holds.
 *
 * @throws TpaError `MODEL_NOT_FOUND` where there is none, or several: what to pass is listed then
 */
export async function chooseGguf(
  address: HubAddress,
  access: HubAccess,
  options: RemoteOptions,
): Promise<string> {
  const all = await listFiles(address, access, options);
  const paths =
    address.path === '' ? all : all.filter((path) => path.startsWith(`${address.path}/`));
  const models = paths.filter(
    (path) => /\.gguf$/i.test(path) && !NO_MODEL.test(path) && !LATER_PART.test(path),
  );
  const [first, ...others] = models;
  if (first !== undefined && others.length === 0) return first;
  const here = formatHubAddress(address);
  const data = { path: here, found: models.length };
  if (first === undefined) {
    const found =
      paths.length === 0
        ? 'nothing: check its name'
        : `${paths.length} other files: weights in another format are downloaded, then converted with tpa convert`;
    const message = `"${here}" expected config.json and model.safetensors, or a .gguf file, found ${found}`;
    throw new TpaError('MODEL_NOT_FOUND', message, { data });
  }
  const choices = models
    .slice(0, MAX_SHOWN)
    .map((path) => printable(formatHubAddress({ ...address, path }), 400));
  const left = models.length - choices.length;
  const rest = left > 0 ? ` and ${left} more` : '';
  const message = `"${here}" expected one model, found ${models.length} in GGUF: pass one of ${choices.join(', ')}${rest}`;
  throw new TpaError('MODEL_NOT_FOUND', message, { data });
}

/** The files of a repository whose paths an `hf:` address can have. */
async function listFiles(
  { repo, revision }: HubAddress,
  { endpoint }: HubAccess,
  options: RemoteOptions,
): Promise<readonly string[]> {
  const place = `${endpoint}/api/models/${repo}/revision/`;
  const refuse = (found: string): TpaError => {
    const message = `${printable(place + revision, 400)} expected the files of the model, found ${found}`;
    return new TpaError('MODEL_NOT_FOUND', message);
  };
  const { files } = await openRemote(place, { ...options, checks: undefined });
  try {
    const source = await files.open(revision);
    if (source === undefined) throw refuse('nothing: check the name of the model and its revision');
    const bytes = await readAll(source, MAX_LIST_BYTES);
    const json = parseJson(bytes, (_, found) => refuse(found));
    const { siblings } = Object(json) as { siblings?: unknown };
    if (!Array.isArray(siblings)) throw refuse('no list of them');
    return siblings
      .map((file) => (Object(file) as { rfilename?: unknown }).rfilename)
      .filter(isPath);
  } finally {
    await files.close();
  }
}

function isPath(path: unknown): path is string {
  return typeof path === 'string' && isHubPath(path);
}
