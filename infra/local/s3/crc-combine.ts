/**
 * The CRC of joined parts, computed from the CRCs and lengths of the parts alone.
 * All CRCs of S3 are reflected and start and end with all bits inverted, so that
 * crc(A + B) = crc(A) * x^(8 * length of B) mod P, xor crc(B).
 */

export interface CrcPolynomial {
  widthBits: 32n | 64n
  /** Reflected, without its highest term. */
  polynomial: bigint
}

interface CrcPart {
  crc: bigint
  sizeBytes: number
}

export function combineCrcs(crc: CrcPolynomial, parts: CrcPart[]): bigint {
  // Nearly all parts of an upload have one size, so the power is computed once or twice.
  const shiftBySize = new Map<number, bigint>()
  let combined = 0n
  for (const part of parts) {
    let shift = shiftBySize.get(part.sizeBytes)
    if (shift === undefined) {
      shift = powerOfX(crc, BigInt(part.sizeBytes) * 8n)
      shiftBySize.set(part.sizeBytes, shift)
    }
    combined = multiply(crc, combined, shift) ^ part.crc
  }
  return combined
}

/** Product modulo the polynomial; the highest bit stands for x^0 because bits are reflected. */
function multiply({ widthBits, polynomial }: CrcPolynomial, a: bigint, b: bigint): bigint {
  let product = 0n
  let shifted = b
  for (let bit = 1n << (widthBits - 1n); bit !== 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= shifted
    shifted = (shifted & 1n) === 0n ? shifted >> 1n : (shifted >> 1n) ^ polynomial
  }
  return product
}

function powerOfX(crc: CrcPolynomial, exponent: bigint): bigint {
  let power = 1n << (crc.widthBits - 1n)
  let square = 1n << (crc.widthBits - 2n)
  for (let rest = exponent; rest !== 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) power = multiply(crc, power, square)
    square = multiply(crc, square, square)
  }
  return power
}
