"""A WebRTC phone with one audio, made of GStreamer's webrtcbin.

It is led by lines of JSON on standard input, each [word, argument...], and answers each with a line of JSON. First argument:
the address for its candidates; second: the frequency of its voice in hertz.
"""

import array
import collections
import json
import math
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

PATIENCE = 20 * Gst.SECOND
RATE = 8000
MEMORY = RATE // 2
CAPS = "application/x-rtp,media=audio,encoding-name=PCMU,payload=0,clock-rate=8000"


class Phone:
    def __init__(self, address, frequency):
        self.pipeline = Gst.parse_launch(
            f"audiotestsrc is-live=true freq={frequency} volume=0.3 samplesperbuffer=160 ! audio/x-raw,rate={RATE},channels=1"
            f" ! mulawenc ! rtppcmupay min-ptime=20000000 max-ptime=20000000 ! {CAPS}"
            " ! webrtcbin name=peer bundle-policy=max-bundle"
        )
        self.peer = self.pipeline.get_by_name("peer")
        # Kept: the peer's own reference is a floating one, which Python sinks.
        self.ice = self.peer.get_property("ice-agent")
        self.ice.emit("add-local-ip-address", address)
        self.candidates = []
        self.gathered = threading.Event()
        self.lock = threading.Lock()
        self.samples = collections.deque(maxlen=MEMORY)
        self.packets = 0
        self.peer.connect("on-ice-candidate", lambda _, index, text: self.candidates.append((index, text)))
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        self.peer.connect("pad-added", self.on_pad)
        self.pipeline.set_state(Gst.State.PLAYING)

    def on_gathering(self, *_):
        if self.peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self.gathered.set()

    def on_pad(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        ear = Gst.parse_bin_from_description(
            "rtppcmudepay ! mulawdec ! appsink name=ear emit-signals=true sync=false", True
        )
        ear.get_by_name("ear").connect("new-sample", self.on_sample)
        self.pipeline.add(ear)
        ear.sync_state_with_parent()
        pad.link(ear.get_static_pad("sink"))

    def on_sample(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        samples = array.array("h", buffer.extract_dup(0, buffer.get_size()))
        with self.lock:
            self.packets += 1
            self.samples.extend(samples)
        return Gst.FlowReturn.OK

    def promised(self, action, *arguments):
        promise = Gst.Promise.new()
        self.peer.emit(action, *arguments, promise)
        promise.wait()
        return promise.get_reply()

    def describe(self, kind):
        """Creates an offer or answer, gathers candidates and returns the description with them."""
        self.gathered.clear()
        reply = self.promised(f"create-{kind}", None)
        description = reply.get_value(kind)
        self.promised("set-local-description", description)
        self.on_gathering()
        if not self.gathered.wait(PATIENCE / Gst.SECOND):
            raise RuntimeError("candidates are not gathered")
        lines = description.sdp.as_text()
        return lines + "".join(f"a={text}\r\n" for _, text in self.candidates)

    def hears(self, kind, text):
        _, message = GstSdp.SDPMessage.new_from_text(text)
        kind = GstWebRTC.WebRTCSDPType.OFFER if kind == "offer" else GstWebRTC.WebRTCSDPType.ANSWER
        description = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        self.promised("set-remote-description", description)

    # What the test asks for.

    def offer(self):
        return self.describe("offer")

    def accept(self, text):
        self.hears("answer", text)

    def answer(self, text):
        self.hears("offer", text)
        return self.describe("answer")

    def heard(self, frequency):
        """The part of the last half second that is this tone, from 0 to 1 (Goertzel's algorithm)."""
        with self.lock:
            samples = list(self.samples)
        if len(samples) < MEMORY:
            return 0
        coefficient = 2 * math.cos(2 * math.pi * frequency / RATE)
        last = before = energy = 0
        for sample in samples:
            last, before = sample + coefficient * last - before, last
            energy += sample * sample
        if not energy:
            return 0
        power = last * last + before * before - coefficient * last * before
        return 2 * power / (energy * len(samples))

    def state(self):
        return {
            "ice": self.peer.get_property("ice-connection-state").value_nick,
            "connection": self.peer.get_property("connection-state").value_nick,
            "packets": self.packets,
        }


def main():
    Gst.init(None)
    phone = Phone(sys.argv[1], sys.argv[2])
    for line in sys.stdin:
        word, *arguments = json.loads(line)
        print(json.dumps(getattr(phone, word)(*arguments)), flush=True)


main()
