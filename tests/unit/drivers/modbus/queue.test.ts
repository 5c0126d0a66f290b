import { describe, expect, test } from 'vitest'
import { createQueue, type Priority, type Queued } from '../../../../service/drivers/modbus/queue.ts'

interface Named extends Queued {
  readonly name: string
}

const always = (): boolean => true

function filled(...entries: readonly (readonly [Priority, string, number])[]) {
  const queue = createQueue<Named>()
  for (const [priority, name, queuedAtMs] of entries) queue.push({ priority, name, queuedAtMs })
  return queue
}

describe('the queue of a bus', () => {
  test('takes writes before control before background before scans, and each class in order of arrival', () => {
    const queue = filled(
      ['scan', 's', 0],
      ['background', 'b', 0],
      ['control', 'c1', 0],
      ['write', 'w', 0],
      ['control', 'c2', 0],
    )
    const order = Array.from({ length: 5 }, () => queue.take(0, always)?.name)
    expect(order).toEqual(['w', 'c1', 'c2', 'b', 's'])
    expect(queue.take(0, always)).toBeUndefined()
  })

  test('nothing starves behind a flood of writes', () => {
    const queue = filled(['scan', 'scan', 0])
    let nowMs = 0
    for (let taken = ''; taken !== 'scan'; nowMs += 100) {
      queue.push({ priority: 'write', name: 'write', queuedAtMs: nowMs })
      taken = queue.take(nowMs, always)!.name
    }
    expect(nowMs).toBeGreaterThan(2500)
    expect(nowMs).toBeLessThan(4000)
  })

  test('passes over what may not go now, without losing its place', () => {
    const queue = filled(['control', 'waits', 0], ['control', 'goes', 0])
    expect(queue.take(0, ({ name }) => name === 'goes')?.name).toBe('goes')
    expect(queue.take(0, always)?.name).toBe('waits')
  })

  test('putBack goes to the front, remove and drain take out', () => {
    const queue = filled(['scan', 'a', 0], ['scan', 'b', 0])
    const first = queue.take(0, always)!
    queue.putBack(first)
    expect(queue.take(0, always)).toBe(first)
    queue.remove(first)
    expect(queue.size).toBe(1)
    expect(queue.drain().map(({ name }) => name)).toEqual(['b'])
    expect(queue.size).toBe(0)
  })
})
