"""What a halted object may ask of a person."""

from .approval import Approval as Approval
from .core import Action as Action
from .core import Resolution as Resolution
from .input_form import Asked as Asked
from .input_form import InputForm as InputForm
from .input_form import asked_of as asked_of
from .voting import Choice as Choice
from .voting import Poll as Poll
from .voting import Vote as Vote
from .voting import in_a_word as in_a_word
