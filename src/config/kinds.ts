import { isIP } from 'node:net';
import { z } from 'zod';
import { isTimeZone } from '../core/contracts/calendar.ts';
import { hostPattern } from '../core/model/credential.ts';
import { Secret } from '../core/text/secret.ts';

const accepting = <Kind extends z.ZodType>(accepts: string, kind: Kind) => ({ accepts, kind });

export const textValue = (accepts: string, pattern = /./) => accepting(accepts, z.string().regex(pattern));

export const timeZoneValue = () => accepting('a time zone such as Europe/Berlin', z.string().refine(isTimeZone));

export const oneOf = <const Values extends readonly [string, ...string[]]>(...values: Values) =>
  accepting(`one of ${values.join(', ')}`, z.enum(values));

// Shared where possible: a schema uses 1 to 2 KiB, and there are hundreds of settings.
const wholeText = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]);
const amountText = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d+([.]\d+)?$/)
    .transform(Number),
]);
const between = (min: number, max: number) => z.number().check(z.gte(min), z.lte(max));
const wholeBetween = (min: number, max: number) => z.int().check(z.gte(min), z.lte(max));

const wholeNumber = (min: number, max: number) => wholeText.pipe(wholeBetween(min, max));

export const integerValue = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  accepting(
    max === Number.MAX_SAFE_INTEGER ? `a whole number, ${min} or more` : `a whole number from ${min} to ${max}`,
    wholeNumber(min, max),
  );

export const integerOrKeyword = <const Word extends string>(word: Word, min: number, max: number) =>
  accepting(`a whole number from ${min} to ${max}, or ${word}`, z.union([wholeNumber(min, max), z.literal(word)]));

export const numberValue = (min: number, max: number) =>
  accepting(`a number from ${min} to ${max}`, amountText.pipe(between(min, max)));

const units = { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
const sizeForm = /^(\d+(?:[.]\d+)?) ?(|B|[KMG]i?B)$/;

const sizeText = z.union([
  z.number(),
  z
    .string()
    .regex(sizeForm)
    .transform((value) => {
      const [, count, unit] = sizeForm.exec(value) as unknown as [string, string, keyof typeof units];
      return Math.round(Number(count) * units[unit]);
    }),
]);

export const byteSizeValue = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  accepting('bytes, or a size such as 512MiB or 2GiB', sizeText.pipe(wholeBetween(min, max)));

const yes = ['1', 'true', 'yes', 'on'];
const no = ['0', 'false', 'no', 'off'];
const flagKind = z.union([z.boolean(), z.enum([...yes, ...no]).transform((word) => yes.includes(word))]);
export const booleanValue = () => accepting('true or false', flagKind);

export const booleanOrKeyword = <const Word extends string>(word: Word) =>
  accepting(`true, false or ${word}`, z.union([flagKind, z.literal(word)]));

/** Allows only visible ASCII by default, because most secrets are sent in a header. */
export const secretTextValue = (accepts = 'visible ASCII characters', pattern = /^[\x21-\x7e]+$/) =>
  accepting(
    accepts,
    z
      .string()
      .regex(pattern)
      .transform((value) => new Secret(value)),
  );

const items = (value: string): unknown => {
  if (!value.startsWith('[')) {
    return value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};
const listText = z.union([z.array(z.unknown()), z.string().transform(items)]);
/** Applies to variables and corral.yaml only. */
export const listForms = ' (comma-separated, or a JSON array)';
export const listOf = <Item extends z.ZodType>(accepts: string, item: Item) =>
  accepting(`${accepts}${listForms}`, listText.pipe(z.array(item)));

export const wordList = (accepts: string, pattern: RegExp) => listOf(accepts, z.string().regex(pattern));

export const pathList = () => listOf('files', z.string().min(1));
export const portList = () => listOf('port numbers', wholeNumber(1, 65_535));
export const originList = () =>
  listOf('origins such as https://app.example.com', z.string().regex(/^https?:\/\/[^/?#\s]+$/));
export const hostList = () =>
  listOf('hosts such as example.com, *.example.com or example.com:8443', z.string().regex(hostPattern));
export const hostAndPort = () =>
  accepting(
    'a host and a port such as 0.0.0.0:8118',
    z
      .string()
      .regex(/^(\[[0-9a-f:]+\]|[a-z0-9_.-]+):\d{1,5}$/i)
      .transform((value) => {
        const at = value.lastIndexOf(':');
        return { host: value.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(value.slice(at + 1)) };
      }),
  );

const userForm = /^(\d{4,10})-(\d{4,10})$/;

export const userIdRange = () =>
  accepting(
    'user ids such as 1500000-1565535, or none',
    z.union([
      z.literal('none').transform(() => undefined),
      z
        .string()
        .regex(userForm)
        .transform((value) => {
          const [, first, last] = userForm.exec(value) ?? [];
          return { first: Number(first), last: Number(last) };
        })
        .refine(({ first, last }) => first >= 1_000 && first <= last && last < 2 ** 31),
    ]),
  );

const isNetwork = (value: string) => {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(value) ?? [];
  return Number(bits) <= { 0: -1, 4: 32, 6: 128 }[isIP(address) as 0 | 4 | 6];
};
export const addressList = () =>
  listOf(
    'addresses and networks such as 127.0.0.1 or 10.1.0.0/16',
    z.string().refine((value) => isIP(value) !== 0 || isNetwork(value)),
  );
export const networkList = () => listOf('networks such as 10.1.0.0/16', z.string().refine(isNetwork));

export const urlValue = (...schemes: [string, ...string[]]) =>
  accepting(
    `an address that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    z.string().refine((value) => URL.canParse(value) && schemes.some((scheme) => value.startsWith(`${scheme}://`))),
  );
