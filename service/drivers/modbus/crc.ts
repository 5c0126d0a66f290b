const table = new Uint16Array(256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  table[byte] = crc
}

/**
 * CRC-16/MODBUS of bytes[from, to), or of what `crc` stands for and these. It goes on the wire low byte first (Modbus
 * over Serial Line V1.02, 6.2.2), so that it is 0 over a frame with its checksum.
 */
export function crc16(bytes: Uint8Array, from: number, to: number, crc = 0xffff): number {
  for (let i = from; i < to; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!
  return crc
}
