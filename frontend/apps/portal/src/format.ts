import dayjs from 'dayjs';

export const money = (value: number, currency: string): string =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).format(value);

/** In few letters: 155K. */
export const about = (value: number, currency: string): string =>
  new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
    notation: 'compact',
  }).format(value);

export const number = (value: number): string =>
  new Intl.NumberFormat('en', { maximumFractionDigits: 0 }).format(value);

export const day = (text: string): string => dayjs(text).format('D MMM YYYY');

/** Years since a date, in words. */
export function age(text: string): string {
  const years = dayjs().diff(dayjs(text), 'year');
  return years < 1 ? 'under a year' : years === 1 ? '1 year' : `${years} years`;
}

const NAMES: Record<string, string> = { bkash: 'bKash', pos: 'Point of sale' };

/** `part_time_x` as words. */
export const words = (name: string | null): string =>
  name
    ? (NAMES[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' '))
    : '–';
