import type { BusHealth, CounterRequest, LinesHealth, UnitCounters } from '#contract/health.ts'
import { EdgeError } from '#contract/errors.ts'
import {
  createLineHealth,
  type Ending,
  type Exchange,
  type LineHealth,
  type LineSpeed,
} from '../../commissioning/health/line-health.ts'
import type { Clock } from '../../domain/clock.ts'
import { parseBusAddress } from '../../drivers/modbus/address.ts'
import type { BusUnit, ReadOnlyBus, SettledExchange } from '../../drivers/modbus/bus.ts'
import { type Answer, type CounterCode, exceptionText, type ModbusRequest } from '../../drivers/modbus/pdu.ts'
import { serialTimes } from '../../pointmap/plan.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'

/** Watches every bus that is in use: how it answers, and what that suggests. Those of the site from now on, others once somebody asks. */
export interface HealthWatch extends Disposable {
  read(): LinesHealth
  /** Asks a unit for what it has counted itself. Rejects with bus.unknown. */
  counters(request: CounterRequest): Promise<UnitCounters>
}

type WatchedBus = Pick<ReadOnlyBus, 'name' | 'tap' | 'watch' | 'stats'> & {
  unit(unitId: number): Pick<BusUnit, 'ask'>
}

interface Watched extends Disposable {
  readonly bus: WatchedBus
  readonly health: LineHealth
  readonly line: BusHealth['line']
  readonly sinceMs: number
}

const codes: readonly CounterCode[] = [0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x12]
const lines = { rtu: 'serial', tcp: 'tcp', rtutcp: 'rtu-over-tcp' } as const
const minuteMs = 60_000
const mostBuses = 64

export function watchHealth(options: {
  clock: Clock
  /** That are in use now. */
  buses(): Iterable<WatchedBus>
  entries: readonly SiteDeviceEntry[]
}): HealthWatch {
  const { clock, buses, entries } = options
  const watched = new Map<WatchedBus, Watched>()

  /** Begins with those that are new, and forgets those that were closed. */
  function look(): Watched[] {
    const now = new Set([...buses()].slice(0, mostBuses))
    for (const [bus, one] of watched) {
      if (now.has(bus)) continue
      one[Symbol.dispose]()
      watched.delete(bus)
    }
    for (const bus of now) if (!watched.has(bus)) watched.set(bus, watch(bus))
    return [...watched.values()]
  }

  function watch(bus: WatchedBus): Watched {
    const address = parseBusAddress(bus.name)
    const speed = address.kind === 'rtu' ? speedOf(address) : undefined
    const health = createLineHealth(clock.monotonicMs(), speed)
    const frameBytes = address.kind === 'tcp' ? 7 : 3
    let asked: Buffer | undefined
    const over = new DisposableStack()
    over.defer(
      bus.tap(({ direction, bytes }) => {
        if (direction === 'sent') asked = bytes
        else if (direction === 'discarded' && address.kind !== 'tcp')
          health.noise(withoutEcho(bytes, asked), asked !== undefined)
      }),
    )
    over.defer(
      bus.watch((settled) => {
        asked = undefined
        const exchange = exchangeOf(settled, frameBytes)
        if (exchange) health.exchanged(exchange)
      }),
    )
    return {
      bus,
      health,
      line: lines[address.kind],
      sinceMs: Math.round(clock.nowMs()),
      [Symbol.dispose]: () => over.dispose(),
    }
  }

  look()

  return {
    read() {
      const nowMs = clock.monotonicMs()
      const wallMs = clock.nowMs()
      return {
        nowMs: Math.round(wallMs),
        buses: look().map(({ bus, health, line, sinceMs }) => {
          const { firstMinute, units, ...rest } = health.read(nowMs)
          return {
            bus: bus.name,
            line,
            sinceMs,
            ...rest,
            discarded: bus.stats().discarded,
            firstMinuteMs: Math.round(wallMs - (nowMs - firstMinute * minuteMs)),
            units: units.map((unit) => ({
              ...unit,
              devices: entries
                .filter(({ bus: name, config }) => name === bus.name && config.unitId === unit.unitId)
                .map(({ config }) => config.name ?? config.id),
            })),
          }
        }),
      }
    },
    async counters({ bus: name, unitId }) {
      const bus = [...buses()].find((one) => one.name === name)
      if (!bus) throw new EdgeError('bus.unknown', `this service does not use the bus ${name} now`)
      const unit = bus.unit(unitId)
      const counters: UnitCounters['counters'] = []
      let reason: string | undefined
      let silent = false
      for (const code of codes) {
        const answer: Answer | undefined = silent
          ? undefined
          : await unit.ask({ fn: 8, counter: code }, { priority: 'background' })
        counters.push({ code, ...(answer?.kind === 'counter' && { value: answer.value }) })
        if (answer?.kind === 'exception') reason = exceptionText(answer.code)
        else if (answer?.kind === 'failed') reason = answer.reason
        // A device without the function, or without an answer, has none of the others either.
        silent ||= answer?.kind === 'failed' || (answer?.kind === 'exception' && answer.code === 1)
      }
      return { unitId, atMs: Math.round(clock.nowMs()), counters, ...(reason !== undefined && { reason }) }
    },
    [Symbol.dispose]() {
      for (const one of watched.values()) one[Symbol.dispose]()
      watched.clear()
    },
  }
}

function speedOf(address: Extract<ReturnType<typeof parseBusAddress>, { kind: 'rtu' }>): LineSpeed {
  const parity = { none: 'N', even: 'E', odd: 'O' }[address.parity]
  return serialTimes({ baud: address.baud, format: `8${parity}${address.stopBits}` })
}

/** Undefined for what says nothing about the line, such as a request that was under way when the port was closed. */
function exchangeOf({ exchange, answer, nowMs }: SettledExchange, frameBytes: number): Exchange | undefined {
  const ending = endingOf(answer)
  if (!ending) return undefined
  const pduBytes = answer.kind === 'exception' ? 2 : answerBytes(exchange.request)
  return {
    unitId: exchange.unitId,
    ending,
    sentAtMs: exchange.sentAtMs,
    endedAtMs: nowMs,
    requestBytes: exchange.frame?.length ?? 0,
    answerBytes: pduBytes === undefined ? undefined : pduBytes + frameBytes,
    echoed: exchange.echoed ?? false,
  }
}

function endingOf(answer: Answer): Ending | undefined {
  if (answer.kind === 'exception') return 'exception'
  if (answer.kind !== 'failed') return 'answered'
  const { failure } = answer
  return failure === 'crc' || failure === 'garbled' || failure === 'timeout' ? failure : undefined
}

/** Length of the PDU that answers, where the request decides it. */
function answerBytes(request: ModbusRequest): number | undefined {
  if (request.fn === 17 || request.fn === 43) return undefined
  if (request.fn === 1 || request.fn === 2) return 2 + Math.ceil(request.count / 8)
  return request.fn === 3 || request.fn === 4 ? 2 + 2 * request.count : 5
}

/** What an adapter hears of its own request is not noise of the line. */
function withoutEcho(bytes: Buffer, asked: Buffer | undefined): Buffer {
  const echo = asked && bytes.subarray(0, asked.length).equals(asked)
  return echo ? bytes.subarray(asked.length) : bytes
}
