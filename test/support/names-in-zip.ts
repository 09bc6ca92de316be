export function namesInZip(zip: Buffer): string[] {
  const names: string[] = [];
  // Each directory entry of a zip begins with this signature, has its name's length at 28 and its name at 46.
  for (let at = zip.indexOf('PK\x01\x02'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 46))
    names.push(zip.toString('utf8', at + 46, at + 46 + zip.readUInt16LE(at + 28)));
  return names;
}
