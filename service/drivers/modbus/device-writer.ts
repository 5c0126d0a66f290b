import { appliesTo, encodeWrite, writeValue } from '../../pointmap/codec.ts'
import { typeSpec } from '../../pointmap/point-types.ts'
import type { RegisterFunction, ResolvedCommand, ResolvedMap, ResolvedWrite } from '../../pointmap/types.ts'
import type { Clock } from '../../domain/clock.ts'
import type { WriteOutcome } from '../driver.ts'
import type { ArmedBusUnit, BusUnit, Written } from './bus.ts'
import { exceptionText, type WriteRequest } from './pdu.ts'
import type { FillableImage } from './register-image.ts'

export interface WriterOptions {
  readonly reader: BusUnit
  /** Absent on a read-only bus. */
  readonly writer: ArmedBusUnit | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  /** What is known of the registers that encoding needs: scale factors, and registers shared by several values. */
  readonly known: FillableImage
  /** Reads this point now; undefined when it cannot be measured. */
  readNow(map: ResolvedMap, point: string): Promise<{ readonly value?: number; readonly reason: string }>
}

export interface DeviceWriter {
  /** Writes a value, or gives control back when there is none. */
  write(
    map: ResolvedMap,
    command: ResolvedCommand,
    value: number | undefined,
    /** Whether another write waits behind this one, which then does not wait to be confirmed. */
    overtaken: () => boolean,
  ): Promise<WriteOutcome>
  encode(map: ResolvedMap, command: ResolvedCommand, value: number): readonly string[]
  /** Reads the registers that encoding needs. False when one did not answer. */
  learn(writes: readonly ResolvedWrite[]): Promise<boolean>
}

interface Step {
  readonly request: WriteRequest
  /** For messages. */
  readonly text: string
}

const readBackPauseMs = 100
const busyPauseMs = 100

/** Carries out the commands of one device. */
export function createDeviceWriter(options: WriterOptions): DeviceWriter {
  const { reader, writer, clock, signal, known } = options

  async function learn(writes: readonly ResolvedWrite[]): Promise<boolean> {
    let complete = true
    for (const write of writes) {
      for (const { function: table, address } of neededRegisters(write)) {
        const fn = table === 'input' ? 4 : 3
        const answer = await reader.ask({ fn, address, count: 1 }, { priority: 'write', signal })
        if (answer.kind === 'words') known.put({ function: table, address, words: answer.words })
        else complete = false
      }
    }
    return complete
  }

  function steps(map: ResolvedMap, writes: readonly ResolvedWrite[], inputs: Inputs): Step[] | string {
    const { value: wanted } = inputs
    // Before the sign is looked at: what is no number has none.
    if (wanted !== undefined && !Number.isFinite(wanted)) return `${wanted} is not a number that can be written`
    const all: Step[] = []
    for (const write of writes) {
      const value = writeValue(write, inputs)
      if (value === undefined) return `the map writes ${write.value} where there is none`
      const encoded = encodeWrite(write, value, known)
      if (!encoded.ok) return encoded.reason
      for (const request of requestsFor(map, write, encoded.words))
        all.push({ request, text: `${write.function} ${request.address}` })
    }
    return all
  }

  /** Sends one write. A lost acknowledgement leaves the outcome unknown; setting a register again does no harm, once. */
  async function send(request: WriteRequest, frames: string[]): Promise<Problem | undefined> {
    let problem: Problem | undefined
    for (let attempt = 1; attempt <= 2; attempt++) {
      const written = await writer!.write(request, { signal })
      if (written.frame) frames.push(written.frame.toString('hex'))
      problem = problemOf(written)
      if (problem === undefined || !mayRepeat(written)) return problem
      if (written.answer.kind === 'exception') await pause(busyPauseMs)
    }
    return problem
  }

  async function confirm(
    map: ResolvedMap,
    command: ResolvedCommand,
    value: number,
    overtaken: () => boolean,
  ): Promise<Partial<WriteOutcome>> {
    const { point, tolerance, withinMs } = command.readBack!
    const deadlineMs = clock.monotonicMs() + withinMs
    for (;;) {
      const found = await options.readNow(map, point)
      // A hair more than the tolerance, for values like 0.1 + 0.2.
      if (found.value !== undefined && Math.abs(found.value - value) <= tolerance * (1 + 1e-9) + 1e-9)
        return { result: 'confirmed', readBack: found.value }
      if (overtaken()) return { result: 'written', reason: 'another write followed before it could be confirmed' }
      const leftMs = deadlineMs - clock.monotonicMs()
      if (leftMs > 0 && (await pause(Math.min(readBackPauseMs, leftMs)))) continue
      const { unit } = command
      if (found.value === undefined)
        return { result: 'failed', reason: `written, but ${point} cannot be read: ${found.reason}` }
      const reason = `${point} reads ${found.value} ${unit} after writing ${value} ${unit}`
      return { result: 'failed', reason, readBack: found.value }
    }
  }

  /** False when the device is being disposed. */
  async function pause(delayMs: number): Promise<boolean> {
    if (signal.aborted) return false
    return clock.sleep(delayMs, signal).then(
      () => true,
      () => false,
    )
  }

  return {
    learn,
    encode(map, command, value) {
      const planned = steps(map, writesOf(command, value), inputsFor(command, value))
      if (typeof planned === 'string') return []
      return reader.preview(planned.map(({ request }) => request)).map((frame) => frame.toString('hex'))
    },
    async write(map, command, value, overtaken) {
      const frames: string[] = []
      const writes = writesOf(command, value)
      if (!writer) return { result: 'failed', reason: 'the bus is read-only', frames }
      if (writes.length === 0) return { result: 'failed', reason: 'the map does not say how', frames }
      if (!(await learn(writes)))
        return { result: 'failed', reason: 'a register needed for encoding cannot be read', frames }
      const planned = steps(map, writes, inputsFor(command, value))
      if (typeof planned === 'string') return { result: 'failed', reason: planned, frames }
      for (const [index, { request, text }] of planned.entries()) {
        const problem = await send(request, frames)
        if (problem === undefined) continue
        const which = planned.length > 1 ? `write ${index + 1} of ${planned.length} (${text})` : text
        return { result: 'failed', ...problem, reason: `${which}: ${problem.reason}`, frames }
      }
      if (value === undefined || !command.readBack) return { result: 'written', frames }
      return { result: 'failed', ...(await confirm(map, command, value, overtaken)), frames }
    },
  }
}

interface Inputs {
  readonly value?: number
  readonly expiryS?: number
}

function inputsFor({ expiry }: ResolvedCommand, value: number | undefined): Inputs {
  return {
    ...(value === undefined ? {} : { value }),
    ...(expiry.kind === 'none' ? {} : { expiryS: expiry.seconds }),
  }
}

function writesOf({ writes, release, expiry }: ResolvedCommand, value: number | undefined): readonly ResolvedWrite[] {
  if (value === undefined) return release
  const wanted = writes.filter((write) => appliesTo(write, value))
  return expiry.kind === 'watchdog' ? [...wanted, ...expiry.heartbeat] : wanted
}

function neededRegisters(write: ResolvedWrite): readonly Register[] {
  const { kind } = typeSpec(write.type)
  const shared = write.function === 'holding' && (kind === 'bit' || kind === 'high-byte' || kind === 'low-byte')
  const base = write.percentOf
  return [
    ...(write.scaleFactorAddress === undefined ? [] : [holding(write.scaleFactorAddress)]),
    ...(shared ? [holding(write.address)] : []),
    ...(base ? base.addresses.map((address) => ({ function: base.function, address })) : []),
    ...(base?.scaleFactorAddress === undefined ? [] : [{ function: base.function, address: base.scaleFactorAddress }]),
  ]
}

interface Register {
  readonly function: RegisterFunction
  readonly address: number
}

const holding = (address: number): Register => ({ function: 'holding', address })

function requestsFor(map: ResolvedMap, write: ResolvedWrite, words: readonly number[]): WriteRequest[] {
  const { address } = write
  const how = write.with ?? map.quirks.writeFunction ?? (words.length === 1 ? 'single' : 'multiple')
  if (write.function === 'coil') {
    const bits = words.map((word) => word !== 0)
    return how === 'multiple' ? [{ fn: 15, address, bits }] : bits.map((on, i) => ({ fn: 5, address: address + i, on }))
  }
  return how === 'multiple'
    ? [{ fn: 16, address, words }]
    : words.map((value, i) => ({ fn: 6, address: address + i, value }))
}

type Problem = Required<Pick<WriteOutcome, 'reason'>> & Pick<WriteOutcome, 'cause'>

function problemOf({ answer }: Written): Problem | undefined {
  if (answer.kind === 'written') return undefined
  if (answer.kind === 'failed') return { reason: answer.reason, cause: 'no-answer' }
  // 5: accepted, takes its time. The read-back tells whether it came about.
  if (answer.kind === 'exception')
    return answer.code === 5 ? undefined : { reason: exceptionText(answer.code), cause: 'exception' }
  return { reason: 'an answer of another kind' }
}

function mayRepeat({ answer }: Written): boolean {
  if (answer.kind === 'exception') return answer.code === 6
  return answer.kind === 'failed' && ['timeout', 'garbled', 'crc', 'closed'].includes(answer.failure)
}
