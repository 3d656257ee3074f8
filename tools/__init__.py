"""What writes parts of docs/, and belongs to no running bot."""
