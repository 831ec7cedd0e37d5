// Additive synthesiser: a piano-like tone of eight decaying partials.

const PARTIALS = [0, 1, 0.42, 0.24, 0.13, 0.07, 0.05, 0.025, 0.015];

export class Synth {
  constructor() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.wave = this.context.createPeriodicWave(new Float32Array(PARTIALS.length), Float32Array.from(PARTIALS));
    this.master = this.context.createGain();
    this.master.gain.value = 0.55;
    const limit = this.context.createDynamicsCompressor();
    this.master.connect(limit).connect(this.context.destination);
    this.sounding = new Set();
  }

  /** Play a MIDI note from `when` (context time in seconds) for `length` seconds. */
  play(midi, when, length) {
    const { context } = this;
    const frequency = 440 * 2 ** ((midi - 69) / 12);
    const ring = Math.min(4.5, 2.2 * Math.sqrt(440 / frequency)); // low strings ring longer
    const off = when + Math.max(0.09, length * 0.96);
    const string = new OscillatorNode(context, { frequency, detune: 1.5 });
    const octave = new OscillatorNode(context, { frequency: 2 * frequency, type: "sine" });
    string.setPeriodicWave(this.wave);
    const shine = new GainNode(context, { gain: 0.12 });
    shine.gain.setTargetAtTime(0, when, ring / 9);
    const tone = new BiquadFilterNode(context, { type: "lowpass", frequency: Math.min(14000, 9 * frequency), Q: 0.3 });
    tone.frequency.setTargetAtTime(2.2 * frequency, when, ring / 5);
    const loud = new GainNode(context, { gain: 0 });
    loud.gain.setValueAtTime(0, when);
    loud.gain.linearRampToValueAtTime(0.34, when + 0.004);
    loud.gain.setTargetAtTime(0.0001, when + 0.006, ring / 3.2);
    loud.gain.setTargetAtTime(0, off, 0.055);
    string.connect(tone);
    octave.connect(shine).connect(tone);
    tone.connect(loud).connect(this.master);
    for (const oscillator of [string, octave]) {
      oscillator.start(when);
      oscillator.stop(off + 0.45);
    }
    this.sounding.add(loud);
    string.addEventListener("ended", () => { loud.disconnect(); this.sounding.delete(loud); });
  }

  /** Stop all current and scheduled notes. */
  silence() {
    const now = this.context.currentTime;
    for (const loud of this.sounding) {
      loud.gain.cancelScheduledValues(now);
      loud.gain.setTargetAtTime(0, now, 0.02);
      setTimeout(() => loud.disconnect(), 150);
    }
    this.sounding.clear();
  }
}
