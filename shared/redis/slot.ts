/** Which of a cluster's 16,384 slots holds a key. */

const SLOTS = 16_384
const POLYNOMIAL = 0x1021

/** CRC-16/XMODEM. */
const crc16 = (bytes: Uint8Array): number => {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? POLYNOMIAL : 0)
    crc &= 0xffff
  }
  return crc
}

/** What stands in the first pair of braces decides alone, unless it is empty. */
export const slotOfKey = (key: string): number => {
  const tag = /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key
  return crc16(new TextEncoder().encode(tag)) % SLOTS
}
