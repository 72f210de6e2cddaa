/** English whatever the locale: the same template should give the same text everywhere. */
const MONTHS =
  'January February March April May June July August September October November December'.split(
    ' ',
  );
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
/** What the fields for whole dates and times are in the locale "C". */
const COMPOSED: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  h: '%b',
  r: '%I:%M:%S %p',
  R: '%H:%M',
  T: '%H:%M:%S',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * A local time as Python's `strftime` writes it on Linux, with the flags `-` (no padding), `_`
 * (blanks), `0`, `^` (capitals) and `#` of the C library. An unknown field stays as it is.
 */
export function strftime(time: Date, format: string): string {
  return format.replaceAll(
    /%([-_0^#]?)(\d{0,2})[EO]?([a-zA-Z%])/g,
    (field, flag: string, width: string, letter: string) => {
      const composed = COMPOSED[letter];
      if (composed !== undefined) return flagged(strftime(time, composed), flag, width);
      const text = nameOf(time, letter);
      if (text !== undefined) return flagged(text, flag, width);
      const number = numberOf(time, letter);
      if (number === undefined) return field;
      const [value, digits, fill = '0'] = number;
      const pad = flag === '_' ? ' ' : flag === '0' ? '0' : fill;
      return flag === '-' ? String(value) : String(value).padStart(Number(width) || digits, pad);
    },
  );
}

function flagged(text: string, flag: string, width: string): string {
  const cased = flag === '^' || flag === '#' ? text.toUpperCase() : text;
  return cased.padStart(Number(width), flag === '0' ? '0' : ' ');
}

function nameOf(time: Date, letter: string): string | undefined {
  switch (letter) {
    case 'A':
      return DAYS[time.getDay()]!;
    case 'a':
      return DAYS[time.getDay()]!.slice(0, 3);
    case 'B':
      return MONTHS[time.getMonth()]!;
    case 'b':
      return MONTHS[time.getMonth()]!.slice(0, 3);
    case 'p':
      return time.getHours() < 12 ? 'AM' : 'PM';
    case 'P':
      return time.getHours() < 12 ? 'am' : 'pm';
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '%':
      return '%';
    case 'z':
    case 'Z':
      return ''; // Python's `datetime.now()` knows no zone
  }
  return undefined;
}

type PaddedNumber = readonly [value: number, digits: number, fill?: string];

function numberOf(time: Date, letter: string): PaddedNumber | undefined {
  const hour = time.getHours() % 12 || 12;
  switch (letter) {
    case 'Y':
      return [time.getFullYear(), 1];
    case 'C':
      return [Math.floor(time.getFullYear() / 100), 2];
    case 'y':
      return [time.getFullYear() % 100, 2];
    case 'm':
      return [time.getMonth() + 1, 2];
    case 'd':
      return [time.getDate(), 2];
    case 'e':
      return [time.getDate(), 2, ' '];
    case 'H':
      return [time.getHours(), 2];
    case 'k':
      return [time.getHours(), 2, ' '];
    case 'I':
      return [hour, 2];
    case 'l':
      return [hour, 2, ' '];
    case 'M':
      return [time.getMinutes(), 2];
    case 'S':
      return [time.getSeconds(), 2];
    case 'f':
      return [time.getMilliseconds() * 1000, 6];
    case 's':
      return [Math.floor(time.getTime() / 1000), 1];
    case 'u':
      return [time.getDay() || 7, 1];
    case 'w':
      return [time.getDay(), 1];
    case 'j':
      return [dayOfYear(time), 3];
    case 'U':
      return [Math.floor((dayOfYear(time) + 6 - time.getDay()) / 7), 2];
    case 'W':
      return [Math.floor((dayOfYear(time) + 6 - ((time.getDay() + 6) % 7)) / 7), 2];
    case 'V':
      return [isoWeek(time).week, 2];
    case 'G':
      return [isoWeek(time).year, 1];
    case 'g':
      return [isoWeek(time).year % 100, 2];
  }
  return undefined;
}

/** 1 to 366; in UTC, where every day has 24 hours. */
function dayOfYear(time: Date): number {
  const year = time.getFullYear();
  return (Date.UTC(year, time.getMonth(), time.getDate()) - Date.UTC(year, 0, 0)) / DAY_MS;
}

/** A week belongs to the year of its Thursday. */
function isoWeek(time: Date): { readonly week: number; readonly year: number } {
  const thursday = new Date(
    time.getFullYear(),
    time.getMonth(),
    time.getDate() + 4 - (time.getDay() || 7),
  );
  return { week: Math.ceil(dayOfYear(thursday) / 7), year: thursday.getFullYear() };
}
