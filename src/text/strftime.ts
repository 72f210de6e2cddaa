/** English whatever the locale: the same template should give the same text everywhere. */
const MONTHS =
  'January February March April May June July August September October November December'.split(
    ' ',
  );
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/**
 * A local time as C's strftime writes it; of its fields `%Y %m %d %B %b %A %a %H %M %S %%`, others
 * stay as they are.
 */
export function strftime(time: Date, format: string): string {
  const month = MONTHS[time.getMonth()]!;
  const day = DAYS[time.getDay()]!;
  const fields: Readonly<Record<string, string>> = {
    Y: String(time.getFullYear()),
    m: twoDigits(time.getMonth() + 1),
    d: twoDigits(time.getDate()),
    B: month,
    b: month.slice(0, 3),
    A: day,
    a: day.slice(0, 3),
    H: twoDigits(time.getHours()),
    M: twoDigits(time.getMinutes()),
    S: twoDigits(time.getSeconds()),
    '%': '%',
  };
  return format.replaceAll(/%(.)/g, (field, letter: string) => fields[letter] ?? field);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
