"""Expert iteration in games: amplify by search, distill by imitation of the search. It is beside reward modeling."""
