import type { Device } from '../drivers/driver.ts'
import type { LoadedMap } from '../pointmap/types.ts'

/** A device whose map can be exchanged while everybody keeps the same object. */
export interface ReplaceableDevice extends AsyncDisposable {
  readonly device: Device
  map(): LoadedMap
  /** From now on the device is read and commanded by this map. The old one ends its work first. */
  replace(map: LoadedMap): Promise<void>
  /** Asks it nothing any more until the returned function is called, as if the cable were out; writes still go. */
  leaveAlone(): () => void
}

export function createReplaceableDevice(first: LoadedMap, create: (map: LoadedMap) => Device): ReplaceableDevice {
  let map = first
  let current = create(first)
  let alone = 0
  const device: Device = {
    id: current.id,
    poll: () => (alone > 0 ? Promise.resolve() : current.poll()),
    readings: () => current.readings(),
    link: () => current.link(),
    points: () => current.points(),
    pollGroups: () => current.pollGroups(),
    bound: () => current.bound(),
    pollDurationMs: () => current.pollDurationMs(),
    write: (setpoint) => current.write(setpoint),
    writeByHand: (command, value) => current.writeByHand(command, value),
    encode: (setpoint) => current.encode(setpoint),
    release: (command) => current.release(command),
    [Symbol.asyncDispose]: () => current[Symbol.asyncDispose](),
  }
  return {
    device,
    map: () => map,
    async replace(next) {
      const old = current
      map = next
      current = create(next)
      await old[Symbol.asyncDispose]()
    },
    leaveAlone() {
      let ended = false
      alone += 1
      return () => {
        if (ended) return
        ended = true
        alone -= 1
      }
    },
    [Symbol.asyncDispose]: () => current[Symbol.asyncDispose](),
  }
}
