// The few forms of ASN.1 that a certificate needs. Node reads certificates but makes none, and the libraries that do bring
// a dozen packages or a cryptography of their own; this only writes, and Node signs.

export const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body.length)]), body]);
};
function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
export const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
export const octets = (...parts: readonly Uint8Array[]): Buffer => der(0x04, ...parts);
export const derTrue = der(0x01, Buffer.from([0xff]));
export const text = (value: string): Buffer => der(0x0c, Buffer.from(value));
export const bits = (bytes: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.from([unused]), bytes);
/** A number that is not negative, in its shortest form: OpenSSL refuses a byte of zeros that changes nothing. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Buffer.from([0]) : bytes.subarray(first);
  return (digits[0] as number) >= 0x80 ? der(0x02, Buffer.from([0]), digits) : der(0x02, digits);
}
/** Seconds, in the form for years from 2050 on where it is needed. */
export function time(at: number): Buffer {
  const digits = new Date(at).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '');
  return digits < '2050' ? der(0x17, Buffer.from(`${digits.slice(2)}Z`)) : der(0x18, Buffer.from(`${digits}Z`));
}
