/** Lets through `perS` of a key on average and `burst` at once. */
export interface Rate {
  take(key: string): boolean
}

/** Token buckets per key; of more than `keys`, the one that asked longest ago starts afresh. */
export function createRate(perS: number, burst: number, keys: number): Rate {
  const buckets = new Map<string, { left: number; atMs: number }>()
  return {
    take(key) {
      const nowMs = performance.now()
      const known = buckets.get(key)
      const left = known ? Math.min(burst, known.left + ((nowMs - known.atMs) * perS) / 1000) : burst
      buckets.delete(key)
      buckets.set(key, { left: Math.max(0, left - 1), atMs: nowMs })
      const [oldest] = buckets.keys()
      if (buckets.size > keys && oldest !== undefined) buckets.delete(oldest)
      return left >= 1
    },
  }
}

/** Addresses that one client can change at will count as one: an IPv6 network of 64 bits. */
export function sourceOf(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('::', 2)
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right].slice(0, 4).join(':')
}
