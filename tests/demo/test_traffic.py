import hashlib
import itertools

import numpy as np
import pandas as pd
import pytest

from assay.data.can_labels import attack_code
from assay.demo import traffic
from assay.demo.vehicle import CLOCK_JITTER_S, DRIVE, LEVER, STATE_BITS, drive, messages

BY_ID = {message.frame_id: message for message in messages()}
SPAN = (2.6, 3.0)


@pytest.fixture(scope="module")
def driven():
    return drive(4.0, np.random.default_rng(3))


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("can")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traffic, "ROUNDS", {"train": 1, "test": 1})
        n_messages = traffic.write_traffic(folder, seed=5)
    tables = {path.relative_to(folder): table(path) for path in sorted(folder.rglob("*.csv"))}
    assert n_messages == sum(map(len, tables.values()))
    return tables


def table(path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"arbitration_id": str, "data_field": str})


def message_named(name: str):
    return next(message for message in messages() if message.name == name)


def raw_values(frames, name: str, signal: str) -> list[int]:
    message = message_named(name)
    rows = frames.payload[frames.ids == message.frame_id]
    return [message.decode(row.tobytes(), decode_choices=False, scaling=False)[signal] for row in rows]


def generator():
    return np.random.default_rng(9)


def test_every_id_comes_from_the_definitions_at_its_own_pace(driven):
    assert set(driven.ids) == set(BY_ID)
    for number, message in BY_ID.items():
        gaps = np.diff(driven.time[driven.ids == number])
        assert gaps.mean() == pytest.approx(message.cycle_time / 1000, rel=0.02)
        assert gaps.std() < 5 * CLOCK_JITTER_S


def test_every_payload_decodes_within_the_limits_of_its_signals(driven):
    for number, payload in zip(driven.ids[:3000], driven.payload[:3000], strict=True):
        message = BY_ID[number]
        values = message.decode(payload.tobytes(), decode_choices=False)
        for signal in message.signals:
            assert signal.minimum - 1e-6 <= values[signal.name] <= signal.maximum + 1e-6


def test_signals_walk_smoothly_and_do_move(driven):
    message = message_named("WheelSpeed")
    rows = driven.payload[driven.ids == message.frame_id]
    for signal in message.signals:
        values = np.array([message.decode(row.tobytes())[signal.name] for row in rows])
        reach = signal.maximum - signal.minimum
        assert np.abs(np.diff(values)).max() < 0.1 * reach
        assert np.ptp(values) > 0.005 * reach


def test_states_hold_for_seconds_and_do_change(driven):
    changes = {
        signal.name: np.count_nonzero(np.diff(raw_values(driven, message.name, signal.name)))
        for message in messages()
        for signal in message.signals
        if signal.length <= STATE_BITS and not signal.name.endswith(("_Cnt", "_Cs"))
    }
    assert max(changes.values()) <= 4  # in four seconds
    assert sum(changes.values()) > 5


def test_the_gear_lever_stays_in_drive(driven):
    assert set(raw_values(driven, traffic.GEAR_MESSAGE, LEVER)) == {DRIVE}
    lever = message_named(traffic.GEAR_MESSAGE).get_signal_by_name(LEVER)
    assert lever.choices[DRIVE] == "Drive"


def test_counters_count(driven):
    message = message_named("EngVehicleSpThrottle")
    counter = next(signal for signal in message.signals if signal.name.endswith("_Cnt"))
    counts = raw_values(driven, message.name, counter.name)
    assert set(np.diff(counts) % 2**counter.length) == {1}


def test_attacks_are_labelled_within_their_spans_only(captures):
    for path, frames in captures.items():
        name = path.stem.rstrip("_0123456789")
        start = frames.timestamp.iloc[0]
        share = (frames.timestamp[frames.attack == 1] - start) / traffic.CAPTURE_S
        assert (len(share) > 0) == (name != traffic.BENIGN)
        inside = [(share > first - 0.01) & (share < last + 0.01) for first, last in traffic.ATTACKED]
        assert np.logical_or.reduce(inside).all()


def test_captures_follow_each_other_and_never_overlap(captures):
    spans = sorted((table_.timestamp.min(), table_.timestamp.max()) for table_ in captures.values())
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert all(frames.timestamp.is_monotonic_increasing for frames in captures.values())


def test_files_lie_and_are_named_as_the_published_catalogue_expects(captures):
    assert {path.parts[0] for path in captures} == {"train_normal", "train_attacks", "test"}
    codes = {path.stem: attack_code(path) for path in captures if path.parts[0] == "train_attacks"}
    assert (codes["dos_1"], codes["fuzzy_1"], codes["gear_1"]) == (1, 2, 3)
    assert all(attack_code(path) == 0 for path in captures if path.stem.startswith("normal"))


def test_columns_and_payloads_are_those_of_the_published_logs(captures):
    frames = captures[next(path for path in captures if path.stem == "fuzzy_1")]
    assert list(frames.columns) == ["timestamp", "arbitration_id", "data_field", "attack"]
    assert frames.arbitration_id.str.fullmatch("[0-9A-F]{3}").all()
    assert frames.data_field.str.fullmatch("[0-9A-F]{16}").all()


def test_the_same_seed_gives_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(traffic, "ROUNDS", {"train": 1})
    monkeypatch.setattr(traffic, "CAPTURE_S", 0.5)
    digests = []
    for folder, seed in [("a", 1), ("b", 1), ("c", 2)]:
        traffic.write_traffic(tmp_path / folder, seed)
        content = b"".join(path.read_bytes() for path in sorted((tmp_path / folder).rglob("*.csv")))
        digests.append(hashlib.sha256(content).hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_a_flood_adds_id_0_and_leaves_the_rest_as_it_was(driven):
    attacked = traffic.dos(driven, SPAN, generator())
    assert set(attacked.ids[attacked.attack]) == {0}
    assert not attacked.payload[attacked.attack].any()
    assert same(attacked.select(~attacked.attack), driven)


def test_fuzzing_adds_random_frames_and_leaves_the_rest_as_it_was(driven):
    attacked = traffic.fuzzy(driven, SPAN, generator())
    assert len(set(attacked.ids[attacked.attack])) > 20
    assert same(attacked.select(~attacked.attack), driven)


def test_spoofing_says_reverse_between_any_two_messages_of_the_gearbox(driven):
    attacked = traffic.gear(driven, SPAN, generator())
    spoofed = attacked.select(attacked.attack)
    message = message_named(traffic.GEAR_MESSAGE)
    assert same(attacked.select(~attacked.attack), driven)
    assert set(spoofed.ids) == {message.frame_id}
    assert {str(message.decode(row.tobytes())[LEVER]) for row in spoofed.payload} == {"Reverse"}
    heard = driven.time[inside(driven) & (driven.ids == message.frame_id)]
    assert np.allclose(spoofed.time - heard, message.cycle_time / 2000, atol=6 * CLOCK_JITTER_S)


def test_spoofing_repeats_every_other_signal_of_the_gearbox(driven):
    attacked = traffic.gear(driven, SPAN, generator())
    rows = np.flatnonzero(attacked.ids == message_named(traffic.GEAR_MESSAGE).frame_id)
    first = next(at for at, row in enumerate(rows) if attacked.attack[row])
    said, repeated = (
        message_named(traffic.GEAR_MESSAGE).decode(attacked.payload[row].tobytes())
        for row in rows[first - 1 : first + 1]
    )
    assert {name for name in said if said[name] != repeated[name]} == {LEVER}


def test_a_replay_sends_again_in_order_what_the_unit_sent_before(driven):
    attacked = traffic.replay(driven, SPAN, generator(), recorded=driven)
    for number in BY_ID:
        sent = attacked.payload[attacked.attack & (attacked.ids == number)]
        first, last = (edge - traffic.REPLAYED_BEFORE_S for edge in SPAN)
        past = (driven.time >= first) & (driven.time < last) & (driven.ids == number)
        if traffic.REPLAYED_UNIT in BY_ID[number].senders:
            assert np.array_equal(sent, driven.payload[past])
        else:
            assert len(sent) == 0


def test_a_replay_silences_the_unit_and_no_other(driven):
    attacked = traffic.replay(driven, SPAN, generator(), recorded=driven)
    genuine = attacked.select(~attacked.attack)
    assert same(genuine, driven.select(~inside(driven) | ~of_unit(driven)))


def test_a_replay_keeps_the_rate_of_every_id(driven):
    attacked = traffic.replay(driven, SPAN, generator(), recorded=driven)
    for number in BY_ID:
        assert abs((attacked.ids == number).sum() - (driven.ids == number).sum()) <= 1


def test_gaps_of_a_replay_vary_more_by_the_root_of_two():
    driven = drive(10.0, np.random.default_rng(1))
    attacked = traffic.replay(driven, (3.0, 10.0), generator(), recorded=driven)
    fastest = message_named("WheelSpeed").frame_id
    own, sent = (
        np.diff(frames.time[frames.ids == fastest]) for frames in (driven, attacked.select(attacked.attack))
    )
    assert own.std() == pytest.approx(CLOCK_JITTER_S * 2**0.5, rel=0.05)
    assert sent.std() == pytest.approx(own.std() * 2**0.5, rel=0.08)


def of_unit(frames) -> np.ndarray:
    return np.array([traffic.REPLAYED_UNIT in BY_ID[number].senders for number in frames.ids])


def inside(frames) -> np.ndarray:
    return (frames.time >= SPAN[0]) & (frames.time < SPAN[1])


def same(one, other) -> bool:
    return np.array_equal(one.time, other.time) and np.array_equal(one.payload, other.payload)
