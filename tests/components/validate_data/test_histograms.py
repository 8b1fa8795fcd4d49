from components.validate_data.histograms import Bar, histogram


def test_bins_are_as_wide_as_it_takes_to_be_few() -> None:
    counts = {(number, True): 1 for number in range(100)} | {(99, False): 3}
    found = histogram("tokens", "tokens", counts)
    assert (found.width, len(found.bars), found.tallest) == (5.0, 20, 8)
    assert found.bars[0] == Bar(start=0.0, accepted=5, refused=0)
    assert found.bars[-1] == Bar(start=95.0, accepted=5, refused=3)


def test_steps_are_counted_in_their_unit_and_empty_bins_stay() -> None:
    found = histogram("likelihood", "nats", {(3, True): 1, (5, False): 2}, 0.5)
    assert found.bars == (
        Bar(start=1.5, accepted=1, refused=0),
        Bar(start=2.0, accepted=0, refused=0),
        Bar(start=2.5, accepted=0, refused=2),
    )


def test_nothing_has_no_bars() -> None:
    assert histogram("likelihood", "nats", {}).bars == ()
