"""Original English sentences for the demo corpora: two for everybody, a list to share, and a grammar for the rest.

All are written for this project; none is TIMIT's.
"""

import numpy as np

# Read by every speaker: both together hold most of the phones of American English.
CALIBRATION = (
    "Her younger brother thought the yellow boat should go back to the harbor.",
    "Please judge how much rough leather and thin copper we could use this year.",
)

SHARED = tuple(
    line.strip()
    for line in """
    The baker left warm bread beside the open window.
    A gray goose chased the children around the pond.
    Nobody heard the quiet thunder over the valley.
    Fresh paint dries slowly in damp weather.
    Julia folded every towel before the guests arrived.
    The old bridge shook when the heavy truck went by.
    Our neighbor grows purple beans along the fence.
    He measured the table twice and cut the board once.
    Seven ships were waiting outside the frozen port.
    A clever fox never sleeps near the same bush.
    The choir sang softly while the candles burned.
    Please water the tall plants in the kitchen.
    Thick fog covered the road to the airport.
    My uncle repairs clocks, radios and small engines.
    The judge asked for silence and a glass of water.
    Young oak trees bend but rarely break.
    She found a silver coin under the garden gate.
    Few people enjoy cold soup in the morning.
    The pilot could see both rivers from above.
    Charlie bought cheap shoes at the village market.
    Every good story begins with a small mistake.
    The museum closes early on the first Thursday.
    A round stone rolled down the narrow path.
    They argued about the price of the blue carpet.
    Wild geese fly south before the first snow.
    The doctor washed both hands and put on gloves.
    Who told you that the shop was shut today?
    Maple syrup tastes better on hot pancakes.
    The farmer's youngest daughter raises rabbits.
    A broken chair leaned against the cellar wall.
    We could hear music from the house next door.
    The teacher drew a large circle on the board.
    George keeps his fishing boots behind the stove.
    Bright lamps hung above the wooden stage.
    The train to the coast was nearly empty.
    Sheep wander across the hill until sunset.
    Nothing grows well in this dry yellow soil.
    He wrote a long letter but never sent it.
    The puppy chewed a hole in my leather bag.
    Warm rain washed the dust from the roof.
    Which of these maps shows the northern trail?
    The cook added pepper, garlic and fresh thyme.
    Her voice carried across the crowded room.
    A tiny spider built its web over the door.
    The children share one bicycle between them.
    Martha usually reads the paper at breakfast.
    Smooth pebbles lay at the bottom of the stream.
    The soldiers marched through the gate at noon.
    I would rather walk than wait for the bus.
    The jury took only an hour to agree.
    Dark clouds gathered beyond the lighthouse.
    You should never leave a fire without a guard.
    The tailor chose a button of the same color.
    An honest answer is worth more than gold.
    Strong coffee keeps the night nurse awake.
    The goat jumped over a bucket of apples.
    Two brothers own the garage on Fourth Street.
    Leave the keys with the woman at the desk.
    The violin sounded better after the repair.
    A cool breeze moved the heavy curtains.
    The boy caught a huge fish with a thin line.
    Do not push the red button while it rings.
    The author signed books for several hours.
    White smoke rose from a dozen chimneys.
    The ferry leaves as soon as the tide turns.
    My cousin teaches physics at a small college.
    The mayor thanked all of the volunteers.
    Sweet cherries are cheaper in early June.
    An owl watched us from the ruined tower.
    The engine coughed twice and then went quiet.
    Their house stands at the edge of a birch wood.
    He put the measuring cup back on the shelf.
    The nurse gave the boy a toy giraffe.
    Both roads lead to the same village in the end.
    Fallen leaves blocked the drain again.
    The orchestra practiced the third movement.
    A young woman sold roses outside the theater.
    The ice was too thin for skating that year.
    Tomorrow we shall vote on the new library.
    The sailor tied the rope around a post.
    Green lizards rest on the sunny garden wall.
    This machine peels a bag of potatoes in minutes.
    The shepherd whistled and the dog came running.
    Her grandfather built the church organ himself.
    Keep the milk and butter in the cold pantry.
    The bus driver knows every passenger by name.
    Large waves threw wood and rope onto the beach.
    I forgot to charge the battery last night.
    The painter mixed orange with a touch of brown.
    Some birds return to the same nest each spring.
    The hungry bear searched the empty camp.
    They planted corn where the barn used to be.
    The witness could not describe the thief.
    A gentle horse is best for a new rider.
    The lecture was short, clear and very useful.
    She polished the brass handle until it shone.
    The water in the lake is unusually low.
    Our team lost the match but not the season.
    He usually brings a flask of hot tea.
    The moon rose late behind the sugar mill.
    """.strip().splitlines()
)

_PEOPLE = (
    "The gardener", "My older sister", "A young sailor", "The tired judge", "Our new teacher", "The village doctor",
    "A careful driver", "The girl in yellow", "Your grandfather", "A famous author", "The night watchman",
    "Each visitor", "The boy with the drum", "A nervous student", "The bishop", "The company lawyer",
    "That cheerful nurse", "An old pilot",
)  # fmt: skip
_ACTIONS = (
    "found", "sold", "painted", "carried", "dropped", "borrowed", "noticed", "cleaned", "forgot", "measured", "hid",
    "brought", "photographed", "repaired", "watched", "chose", "examined", "pushed", "kept", "described",
)  # fmt: skip
_THINGS = (
    "a rusty key", "the green bottle", "three paper boxes", "an empty suitcase", "the broken mirror",
    "a heavy hammer", "some fresh oranges", "the last photograph", "a leather jacket", "two wooden chairs",
    "the church bell", "a purple kite", "the yellow envelope", "an unusual shell", "a jar of honey",
    "the missing page", "a silver thimble", "those dusty books", "the garden hose", "a bowl of soup",
)  # fmt: skip
_PLACES = (
    "behind the theater", "under the bridge", "near the railway station", "beside the frozen lake",
    "in the quiet library", "on the kitchen table", "across the muddy field", "outside the court house",
    "at the edge of the forest", "between the two barns", "along the south road", "above the old bakery",
    "inside the tool shed", "by the harbor wall",
)  # fmt: skip
_TIMES = (
    "before sunrise", "last Thursday", "after the storm", "during the long summer", "early this morning",
    "on the way home", "without a word", "as usual", "for no good reason", "in the pouring rain",
    "while nobody looked", "just in time",
)  # fmt: skip


def draw_unique(count: int, rng: np.random.Generator) -> list[str]:
    """Draw `count` different sentences from a grammar of about a million.

    Raises:
        ValueError: more are asked for than can be drawn quickly.
    """
    lists = (_PEOPLE, _ACTIONS, _THINGS, _PLACES, _TIMES)
    if count > 100_000:
        raise ValueError(f"{count} different sentences are too many: at most 100000")
    drawn: dict[str, None] = {}  # in order, unlike a set
    while len(drawn) < count:
        person, action, thing, place, time = (words[int(rng.integers(len(words)))] for words in lists)
        tail = (place, time, f"{place} {time}")[int(rng.integers(3))]
        drawn[f"{person} {action} {thing} {tail}."] = None
    return list(drawn)


def grammar_vocabulary() -> list[str]:
    """Sentences that together hold every phrase of the grammar, for tests of the phone table."""
    lists = (_PEOPLE, _ACTIONS, _THINGS, _PLACES, _TIMES)
    longest = max(map(len, lists))
    return ["{} {} {} {} {}.".format(*(words[i % len(words)] for words in lists)) for i in range(longest)]
