document.title = 'Portage'
