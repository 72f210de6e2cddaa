/** A variable of the environment, undefined where there is none or it may not be read. */
export type Environment = (name: string) => Promise<string | undefined>;

const FOLDER = 'tpa-wasm';

/** Where a user's programs keep what they can fetch again; undefined where nothing says. */
export async function cachePlace(
  environment: Environment,
  platform: string,
): Promise<string | undefined> {
  const below = async (variable: string, path: string): Promise<string | undefined> => {
    const value = await environment(variable);
    return value ? `${value}/${path}` : undefined;
  };
  const own = await environment('TPA_CACHE');
  if (own) return own;
  if (platform === 'win32') return below('LOCALAPPDATA', FOLDER);
  if (platform === 'darwin') return below('HOME', `Library/Caches/${FOLDER}`);
  return (await below('XDG_CACHE_HOME', FOLDER)) ?? below('HOME', `.cache/${FOLDER}`);
}
