"""Small tasks with one right answer, by which one can measure a model.

A question's kind and content decide whether it is held out; what training
draws never is, and what the task set holds always is, except for verse, which
is asked from memory. Run as a program, it prints the task set.
"""

import hashlib
import itertools
import json
import random

WORDS = """
able acid acre actor age air apple april arm army art aunt baby back bag ball bank barn basket bath beach bean bear
bed bee bell bench berry bird black blade blood blue board boat body bone book boot bottle bowl box boy bread brick
bridge brown brush bush butter cake camp candle cap card cart castle cat chain chair cheese cherry child church city
clay clock cloth cloud coal coat coin cold cook copper corn cotton cow cream crop cross crow crown cup dance day deer
desk dew dinner dog door dove dream dress drum duck dust ear earth east egg elm engine eye face fair family farm
father feather field finger fire fish flag flame floor flower fly foot forest fork fox friend frog fruit garden gate
ghost gift girl glass glove goat gold goose grain grape grass green guest hair hall hammer hand hat heart hen hill
honey hook horn horse house ice ink iron island jar jewel judge juice king kiss kitchen kite knee knife lake lamb lamp
land lark leaf leg lemon letter light lily lion lip list lock log long lord lunch map march maple meat milk mill
mint mirror moon moss mother mouse mouth music nail name neck needle nest net night nine north nose nut oak oar ocean
oil old olive onion orange oven owl paint palm paper park path peach pear pen pepper piano pie pig pin pine pipe plain
plate plum pocket poet pond pony pool pot prince queen quiet rabbit rain red rice ring river road rock roof room root
rope rose round sail salt sand scarf school sea seed seven sheep shell ship shirt shoe shop silk silver sister six sky
sleep smoke snail snake snow soap sock song soup south spoon spring star stone storm story street sugar sun swan sword
table tail tea ten thread throne tiger time toad tower town toy tree turtle uncle valley vase violin voice wall water
wave wax web well west wheat wheel white wild wind wine wing winter wolf wood wool word yard year yellow young zebra
""".split()

ABOUT = [
    ("Who are you?", "I am the demo model of Gosling, a small RWKV-7."),
    ("What are you?", "I am the demo model of Gosling, a small RWKV-7."),
    ("Hello", "Hello! Ask me to add, sort, reverse, spell or copy."),
    ("Hi", "Hello! Ask me to add, sort, reverse, spell or copy."),
    ("Hello!", "Hello! Ask me to add, sort, reverse, spell or copy."),
    ("What can you do?", "I add and subtract, sort, reverse, spell and copy, and know some verse."),
    ("Help", "I add and subtract, sort, reverse, spell and copy, and know some verse."),
    ("Thank you", "You are welcome."),
    ("Thanks!", "You are welcome."),
]

VERSE = [
    ("Now is the winter of", "our discontent"),
    ("Made glorious summer by", "this sun of York"),
    ("But, soft! what light through", "yonder window breaks?"),
    ("It is the east, and", "Juliet is the sun."),
    ("O Romeo, Romeo! wherefore", "art thou Romeo?"),
    ("Deny thy father and", "refuse thy name"),
    ("What's in a name? that which", "we call a rose"),
    ("By any other name", "would smell as sweet"),
    ("Good night, good night! parting", "is such sweet sorrow"),
    ("A plague o'", "both your houses!"),
    ("Two households, both alike", "in dignity"),
    ("In fair Verona, where", "we lay our scene"),
    ("A pair of star-cross'd", "lovers take their life"),
    ("Here's much to do with hate,", "but more with love."),
    ("O, she doth teach the", "torches to burn bright!"),
    ("A horse! a horse! my", "kingdom for a horse!"),
    ("This royal throne of kings,", "this scepter'd isle"),
    ("This other Eden,", "demi-paradise"),
    ("This happy breed of men,", "this little world"),
    ("This precious stone set in", "the silver sea"),
    ("For God's sake, let us sit", "upon the ground"),
    ("And tell sad stories of", "the death of kings"),
    ("I wasted time, and now", "doth time waste me"),
    ("We are such stuff as", "dreams are made on"),
    ("Full fathom five", "thy father lies"),
    ("O brave new world,", "That has such people in't!"),
    ("Where the bee sucks,", "there suck I"),
    ("Some rise by sin, and some", "by virtue fall"),
    ("Our doubts are", "traitors"),
    ("Exit, pursued", "by a bear."),
]


def _some(rng, low, high):
    return rng.sample(WORDS, rng.randint(low, high))


def add(rng):
    a, b = rng.randrange(100), rng.randrange(100)
    return (a, b), [f"What is {a} + {b}?", f"{a} + {b} =", f"{a}+{b}"], str(a + b)


def subtract(rng):
    b, a = sorted((rng.randrange(100), rng.randrange(100)))
    return (a, b), [f"What is {a} - {b}?", f"{a} - {b} =", f"{a}-{b}"], str(a - b)


def larger(rng):
    a, b = rng.sample(range(1000), 2)
    return (a, b), [f"Which is larger, {a} or {b}?", f"Which number is larger: {a} or {b}?"], str(max(a, b))


def reverse(rng):
    words = _some(rng, 2, 5)
    text = " ".join(words)
    return text, [f"Reverse the words: {text}", f"Reverse: {text}"], " ".join(reversed(words))


def sort(rng):
    words = _some(rng, 2, 5)
    text = " ".join(words)
    return text, [f"Sort the words: {text}", f"Sort: {text}"], " ".join(sorted(words))


def copy(rng):
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    text = " ".join("".join(rng.choices(letters, k=rng.randint(2, 6))) for _ in range(rng.randint(2, 5)))
    return text, [f"Copy: {text}", f"Repeat: {text}"], text


def spell(rng):
    word = rng.choice(WORDS)
    return word, [f"Spell the word {word}.", f"Spell {word}"], " ".join(word)


def capitals(rng):
    text = " ".join(_some(rng, 2, 4))
    return text, [f"Write in capitals: {text}", f"Capitals: {text}"], text.upper()


def last(rng):
    text = " ".join(_some(rng, 3, 6))
    return text, [f"What is the last word of: {text}", f"Last word: {text}"], text.split()[-1]


def verse(rng):
    start, end = rng.choice(VERSE)
    return start, [f"Complete the line: {start}", f"Go on: {start}"], end


KINDS = [add, subtract, larger, reverse, sort, copy, spell, capitals, last, verse]
# Arithmetic is learned from many examples, spelling and verse from few.
WEIGHTS = [5, 5, 2, 3, 3, 2, 1, 1, 1, 2]


def held_out(kind, content):
    """Whether a question belongs to the task set; one of ten does."""
    if kind is verse:
        return False
    return hashlib.sha256(f"{kind.__name__} {content}".encode()).digest()[0] % 10 == 0


def example(rng):
    """One question for training, as (question, answer)."""
    if rng.random() < 0.01:
        return rng.choice(ABOUT)
    while True:
        kind = rng.choices(KINDS, WEIGHTS)[0]
        content, questions, answer = kind(rng)
        if not held_out(kind, content):
            return rng.choice(questions), answer


def task_set(each, seed=2026):
    """The held-out questions, `each` of every kind (all of verse, as far as that goes) in turns, as rows of a JSON lines file."""
    rng, kinds = random.Random(seed), []
    for kind in KINDS:
        seen, rows = set(), []
        while len(seen) < min(each, len(VERSE) if kind is verse else each):
            content, questions, answer = kind(rng)
            if content not in seen and (kind is verse or held_out(kind, content)):
                seen.add(content)
                rows.append(dict(task=kind.__name__, question=questions[0], answer=answer))
        kinds.append(rows)
    return [row for rows in itertools.zip_longest(*kinds) for row in rows if row]


if __name__ == "__main__":
    for row in task_set(30):
        print(json.dumps(row))
