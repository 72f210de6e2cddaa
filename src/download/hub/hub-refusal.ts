import { printable, TpaError } from '../../base/errors.ts';
import { isPage } from '../net/served.ts';
import type { Refusal } from '../net/download.ts';
import type { HubAccess } from './hub-access.ts';
import type { HubAddress } from './hub-address.ts';

/** How a hub says what is missing, where it is not the file alone. */
const ERROR_CODE = 'x-error-code';

/** Tells what a hub refuses of a model: a file that it lacks is another matter. */
export function hubRefusal(
  { repo, revision }: HubAddress,
  { endpoint, token }: HubAccess,
): Refusal {
  const page = printable(`${endpoint}/${repo}`, 400);
  const cure =
    token === undefined
      ? `set HF_TOKEN to a token that may read it, and accept its licence at ${page} where it has one`
      : `accept its licence at ${page}, or set HF_TOKEN to a token that may read it`;
  return ({ href }, response) => {
    const { headers, status } = response;
    const refuse = (found: string): TpaError => {
      const message = `the hub did not give ${printable(href, 400)}: ${found}`;
      return new TpaError('MODEL_NOT_FOUND', message, { data: { status } });
    };
    if (status === 401 || status === 403) {
      const reason =
        status === 401
          ? 'there is no such model, or it is private or gated'
          : 'the model is private or gated';
      return refuse(`HTTP status ${status}, ${reason}: ${cure}`);
    }
    const code = status === 404 ? headers.get(ERROR_CODE) : null;
    if (code === 'RepoNotFound') return refuse(`there is no model "${repo}": check its name`);
    if (code === 'RevisionNotFound') {
      return refuse(`the model "${repo}" has no revision "${revision}": see ${page}/tree/main`);
    }
    return isPage(response) ? refuse('an HTML page in place of a file') : undefined;
  };
}
