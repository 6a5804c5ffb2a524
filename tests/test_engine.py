from sim.engine import SECOND_US, Cause, Engine, Interrupt, Stream


def test_same_seed_and_name_give_the_same_draws():
    a, b = Stream(7, "kubelet"), Stream(7, "kubelet")
    assert [a.uniform(0, 10**6) for _ in range(50)] == [b.uniform(0, 10**6) for _ in range(50)]
    assert Stream(8, "kubelet").uniform(0, 10**9) != Stream(7, "kubelet").uniform(0, 10**9)


def test_draws_are_the_same_on_every_python():
    stream = Stream(3, "latency")
    draws = [stream.latency_us(10, 20, 50) for _ in range(500)]
    assert min(draws) >= 10 and max(draws) <= 50 and 20 <= sorted(draws)[250] <= 32


def test_a_process_keeps_its_causes_whoever_runs_in_between():
    engine = Engine()
    seen = []

    def steps(name):
        for _ in range(3):
            yield engine.sleep(10)
            seen.append((name, engine.causes[0].text))

    for name in "ab":
        with engine.because((Cause("line", 0, name),)):
            engine.process(steps(name))
    engine.advance(SECOND_US)
    assert seen == [("a", "a"), ("b", "b")] * 3
    assert engine.causes == ()


def test_a_labelled_timer_is_shown_and_becomes_a_cause():
    engine = Engine()
    got = []
    engine.after(5, lambda: got.append(engine.causes), label="tolerationSeconds 300 runs out")
    cancelled = engine.after(6, lambda: got.append("never"), label="cancelled")
    cancelled.cancel()
    assert [timer.label for timer in engine.timers()] == ["tolerationSeconds 300 runs out"]
    assert engine.advance(100) == 100
    assert [cause.text for cause in got[0]] == ["tolerationSeconds 300 runs out"] and len(got) == 1


def test_an_interrupt_reaches_the_steps():
    engine = Engine()

    def steps():
        try:
            yield engine.sleep(1000)
        except Interrupt:
            return 130

    process = engine.process(steps())
    engine.advance(10)
    process.interrupt()
    engine.advance(20)
    assert process.value == 130


def test_at_most_four_causes_the_oldest_is_kept():
    causes = tuple(Cause("change", at, str(at)) for at in range(6))
    joined = Engine.join_causes(causes[:3], causes[3:])
    assert [cause.at_us for cause in joined] == [0, 3, 4, 5]
