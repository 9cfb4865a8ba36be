"""Experiments described by an INI file: what the commands experiment, explore, predict, ... share.

A floor between the commands and the packages below: like a command it joins files (`io`) with maths; only commands
import it.
"""
