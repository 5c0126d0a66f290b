import type { Clock } from '../../domain/clock.ts'
import type { Fault } from './faults.ts'
import type { PlantParameters, PlantState } from './plant-model.ts'
import type { FieldWrite, RegisterField } from './register-bank.ts'
import { notImplemented, type SunspecModel, type SunspecPoint, sunspecFields } from './sunspec-fields.ts'
import { createTimedSetpoint } from './timed-setpoint.ts'
import { acc32, i16, text, u16, u32 } from './words.ts'

/** The inverter as the wire sees it, and what it was told. */
export interface InverterDevice {
  readonly fields: RegisterField[]
  /** 0 to 1 of the rating; 1 when no limit is in force. */
  limit(): number
  connected(): boolean
}

const sunspecBase = 40_000
const limitScale = 100

/** A SunSpec PV inverter: models 1, 103, 120 and 123 from register 40000. */
export function createInverterDevice(
  clock: Clock,
  parameters: PlantParameters,
  read: () => PlantState,
  fault: () => Fault = () => ({ fault: 'none' }),
): InverterDevice {
  const controls = createControls(clock, fault)
  return {
    fields: sunspecFields(sunspecBase, [
      common,
      measurements(read, controls),
      nameplate(parameters.inverterRatedW),
      controls.model,
    ]),
    limit: () => (fault().fault === 'no-effect' ? 1 : controls.limit()),
    connected: controls.connected,
  }
}

const constant = (name: string, words: readonly number[]): SunspecPoint => ({ name, read: () => words })
const scaleFactor = (name: string, power: number): SunspecPoint => constant(name, i16(power))
const absent = (name: string, type: keyof typeof notImplemented): SunspecPoint => constant(name, notImplemented[type])

const common: SunspecModel = {
  id: 1,
  points: [
    constant('Mn', text('R-EMS', 16)),
    constant('Md', text('Simulated PV inverter 12', 16)),
    constant('Opt', text('', 8)),
    constant('Vr', text('1.0.0', 8)),
    constant('SN', text('SIM-PV-0001', 16)),
    constant('DA', u16(1)),
    constant('Pad', [0x8000]),
  ],
}

const operatingState = { sleeping: 2, mppt: 4, throttled: 5, standby: 8 }
const dcVoltageV = 620

/** Model 103, three-phase inverter with integer registers and scale factors. */
function measurements(read: () => PlantState, controls: Controls): SunspecModel {
  const value = (name: string, encode: (state: PlantState) => number[]): SunspecPoint => ({
    name,
    read: () => encode(read()),
  })
  const phaseA = (state: PlantState, phase: 'l1' | 'l2' | 'l3') => state.pv.powerW / 3 / state.grid.voltageV[phase]
  const lineV = (a: number, b: number) => u16(Math.sqrt(a * a + b * b + a * b) * 10)
  const dcW = (state: PlantState) => state.pv.powerW / 0.97
  const operating = (state: PlantState) => {
    if (state.pv.availableW < 1) return operatingState.sleeping
    if (!controls.connected()) return operatingState.standby
    // Without a limit the difference is only the delay with which the inverter follows a passing cloud.
    return controls.limit() < 1 && state.pv.powerW < state.pv.availableW - 1
      ? operatingState.throttled
      : operatingState.mppt
  }
  return {
    id: 103,
    points: [
      value('A', (s) => u16((phaseA(s, 'l1') + phaseA(s, 'l2') + phaseA(s, 'l3')) * 100)),
      value('AphA', (s) => u16(phaseA(s, 'l1') * 100)),
      value('AphB', (s) => u16(phaseA(s, 'l2') * 100)),
      value('AphC', (s) => u16(phaseA(s, 'l3') * 100)),
      scaleFactor('A_SF', -2),
      value('PPVphAB', (s) => lineV(s.grid.voltageV.l1, s.grid.voltageV.l2)),
      value('PPVphBC', (s) => lineV(s.grid.voltageV.l2, s.grid.voltageV.l3)),
      value('PPVphCA', (s) => lineV(s.grid.voltageV.l3, s.grid.voltageV.l1)),
      value('PhVphA', (s) => u16(s.grid.voltageV.l1 * 10)),
      value('PhVphB', (s) => u16(s.grid.voltageV.l2 * 10)),
      value('PhVphC', (s) => u16(s.grid.voltageV.l3 * 10)),
      scaleFactor('V_SF', -1),
      value('W', (s) => i16(s.pv.powerW)),
      scaleFactor('W_SF', 0),
      value('Hz', (s) => u16(s.grid.frequencyHz * 100)),
      scaleFactor('Hz_SF', -2),
      value('VA', (s) => i16(s.pv.powerW)),
      scaleFactor('VA_SF', 0),
      constant('VAr', i16(0)),
      scaleFactor('VAr_SF', 0),
      constant('PF', i16(1000)),
      scaleFactor('PF_SF', -1),
      value('WH', (s) => acc32(s.pv.energyWh)),
      scaleFactor('WH_SF', 0),
      value('DCA', (s) => u16((dcW(s) / dcVoltageV) * 100)),
      scaleFactor('DCA_SF', -2),
      value('DCV', (s) => u16(s.pv.availableW < 1 ? 0 : dcVoltageV * 10)),
      scaleFactor('DCV_SF', -1),
      value('DCW', (s) => i16(dcW(s))),
      scaleFactor('DCW_SF', 0),
      value('TmpCab', (s) => i16((s.weather.temperatureC + s.pv.powerW / 500) * 10)),
      absent('TmpSnk', 'int16'),
      absent('TmpTrns', 'int16'),
      absent('TmpOt', 'int16'),
      scaleFactor('Tmp_SF', -1),
      value('St', (s) => u16(operating(s))),
      absent('StVnd', 'uint16'),
      constant('Evt1', u32(0)),
      constant('Evt2', u32(0)),
      ...['EvtVnd1', 'EvtVnd2', 'EvtVnd3', 'EvtVnd4'].map((name) => absent(name, 'uint32')),
    ],
  }
}

/** Model 120, nameplate ratings. */
function nameplate(ratedW: number): SunspecModel {
  return {
    id: 120,
    points: [
      constant('DERTyp', u16(4)),
      constant('WRtg', u16(ratedW)),
      scaleFactor('WRtg_SF', 0),
      constant('VARtg', u16(ratedW)),
      scaleFactor('VARtg_SF', 0),
      ...['VArRtgQ1', 'VArRtgQ2', 'VArRtgQ3', 'VArRtgQ4'].map((name) => absent(name, 'int16')),
      absent('VArRtg_SF', 'sunssf'),
      constant('ARtg', u16((ratedW / 230) * 10)),
      scaleFactor('ARtg_SF', -1),
      ...['PFRtgQ1', 'PFRtgQ2', 'PFRtgQ3', 'PFRtgQ4'].map((name) => absent(name, 'int16')),
      absent('PFRtg_SF', 'sunssf'),
      ...['WHRtg', 'AhrRtg', 'MaxChaRte', 'MaxDisChaRte'].flatMap((name) => [
        absent(name, 'uint16'),
        absent(`${name}_SF`, 'sunssf'),
      ]),
      constant('Pad', [0x8000]),
    ],
  }
}

interface Controls {
  readonly model: SunspecModel
  limit(): number
  connected(): boolean
}

/**
 * Model 123, immediate controls. As in most products, writing 1 to an enable (or a value to Conn) puts the stored values in
 * force and starts the timer; when it runs out, the inverter is back to full power, or connected, by itself.
 */
function createControls(clock: Clock, fault: () => Fault): Controls {
  const limit = createTimedSetpoint(clock, () => fault().fault !== 'no-reversion')
  const disconnect = createTimedSetpoint(clock)
  let limitPercent = 100
  let limitReversionS = 0
  let connectReversionS = 0
  const connected = () => disconnect.value() === undefined
  const seconds = (apply: (value: number) => void) => oneWord((value) => value !== 0xffff, apply)
  const flag = (apply: (on: boolean) => void) =>
    oneWord(
      (value) => value <= 1,
      (value) => apply(value === 1),
    )
  return {
    limit: () => limit.value() ?? 1,
    connected,
    model: {
      id: 123,
      points: [
        absent('Conn_WinTms', 'uint16'),
        {
          name: 'Conn_RvrtTms',
          read: () => [connectReversionS],
          write: seconds((value) => {
            connectReversionS = value
          }),
        },
        {
          name: 'Conn',
          read: () => [connected() ? 1 : 0],
          write: flag((on) => (on ? disconnect.clear() : disconnect.set(1, connectReversionS))),
        },
        {
          name: 'WMaxLimPct',
          read: () => u16(limitPercent * limitScale),
          write: oneWord(
            (value) => value <= 100 * limitScale,
            (value) => {
              limitPercent = value / limitScale
            },
          ),
        },
        absent('WMaxLimPct_WinTms', 'uint16'),
        {
          name: 'WMaxLimPct_RvrtTms',
          read: () => [limitReversionS],
          write: seconds((value) => {
            limitReversionS = value
          }),
        },
        absent('WMaxLimPct_RmpTms', 'uint16'),
        {
          name: 'WMaxLim_Ena',
          read: () => [limit.value() === undefined ? 0 : 1],
          write: flag((on) => (on ? limit.set(limitPercent / 100, limitReversionS) : limit.clear())),
        },
        constant('OutPFSet', i16(100)),
        ...['OutPFSet_WinTms', 'OutPFSet_RvrtTms', 'OutPFSet_RmpTms'].map((name) => absent(name, 'uint16')),
        constant('OutPFSet_Ena', u16(0)),
        ...['VArWMaxPct', 'VArMaxPct', 'VArAvalPct'].map((name) => absent(name, 'int16')),
        ...['VArPct_WinTms', 'VArPct_RvrtTms', 'VArPct_RmpTms', 'VArPct_Mod'].map((name) => absent(name, 'uint16')),
        constant('VArPct_Ena', u16(0)),
        scaleFactor('WMaxLimPct_SF', -2),
        scaleFactor('OutPFSet_SF', -2),
        absent('VArPct_SF', 'sunssf'),
      ],
    },
  }
}

function oneWord(accepts: (value: number) => boolean, apply: (value: number) => void): FieldWrite {
  return { accepts: ([value = 0]) => accepts(value), apply: ([value = 0]) => apply(value) }
}
